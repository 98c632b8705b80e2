"""A proxy or a portal that answers in the server's place: the page stays, says that it is not live, and comes back."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from tests.support import forms
from tests.support.cast import Cast
from tests.support.proxies import Portal
from tests.support.wait import eventually
from tests.system.world import World

LATE_MS = 45_000
HOSTILE = {"HX-Redirect": "/elsewhere", "HX-Refresh": "true"}


@pytest.mark.parametrize("has_worker", [True, False])
@pytest.mark.parametrize(("status", "headers"), [(404, {}), (401, HOSTILE), (200, HOSTILE), (502, {})])
def test_page_stays_and_comes_back(own_world: World, has_worker: bool, status: int, headers: dict[str, str]) -> None:
    world = own_world
    number = world.charger.start(world.cast.ada.id_tag)
    world.charger.deliver(1000)
    page = world.watch(world.cast.ada, number, has_worker=has_worker)
    page.shows("1.00", noun="live")
    world.web.stop()
    portal = Portal(world.config.port, status, headers)
    eventually(lambda: any("/live/?topic" in path for path in portal.paths) and page.page.wait_for_timeout(20) is None)
    eventually(lambda: page.page.wait_for_timeout(20) or any("once=1" in path for path in portal.paths))
    expect(page.page.locator("#connection")).to_be_visible(timeout=LATE_MS)
    page.shows("1.00", noun="live")
    page.does_not_show("hotel")
    portal.close()
    world.web.start()
    world.charger.deliver(2000)
    expect(page.fragment("live")).to_contain_text("2.00", timeout=LATE_MS)
    page.is_live()
    expect(page.page.locator("#connection")).to_be_hidden()
    assert page.has_stayed()


@pytest.mark.parametrize("path", ["/sessions", "/live/sessions/4711", "/live/?topic=/x", "/nowhere"])
def test_every_answer_is_marked(client: FlaskClient, people: Cast, path: str) -> None:
    mark = client.get(path).headers["Polaris-Viewer"]
    assert mark == "none"
    forms.sign_in(client, people.ada)
    marks = {client.get(path).headers["Polaris-Viewer"] for path in ("/sessions", "/account")}
    assert len(marks) == 1
    assert marks != {"none"}
