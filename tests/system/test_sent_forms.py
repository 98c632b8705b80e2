"""Back and a reload after a form was answered with a page: they lead to the form, and send nothing again."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from playwright.sync_api import Page, expect

from polaris.models import AuditEntry
from tests.system.world import World, posted


def answered(page: Page, button: str) -> None:
    response = posted(page, page.get_by_role("main").get_by_role("button", name=button, exact=True))
    page.wait_for_load_state("load")
    assert response.status != HTTPStatus.SEE_OTHER


@pytest.mark.parametrize(
    ("path", "typed", "button"),
    [
        ("/actions/site/set?name=Main", {"time_zone": "Nowhere"}, "Change a site"),
        ("/cards/import", {"text": "card,email\n1,nobody@example.com"}, "Preview"),
        ("/actions/charger/add", {"identity": "history-1"}, "Add a charger"),
    ],
)
def test_back_and_reload_lead_to_the_form(world: World, path: str, typed: dict[str, str], button: str) -> None:
    page = world.sign_in(world.cast.olga)
    page.goto(path)
    for name, text in typed.items():
        page.get_by_role("main").locator(f"[name={name}]").fill(text)
    answered(page, button)
    audited = AuditEntry.select().count()
    page.goto("/account")

    page.go_back()

    expect(page.get_by_role("main").get_by_role("button", name=button, exact=True)).to_be_visible()
    assert page.url.endswith(path)
    response = page.reload()
    assert (response is not None and response.request.method, page.url.endswith(path)) == ("GET", True)
    assert AuditEntry.select().count() == audited
