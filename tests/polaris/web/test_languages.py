"""The language of a page: chosen by the account, in this browser, or by the browser; and what is pushed into it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from polaris.models import Account, AuditEntry
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging


def language(client: FlaskClient, path: str = "/sign-in", asks_for: str = "") -> str:
    """The language of a page, if the browser asks for some."""
    page = client.get(path, headers={"Accept-Language": asks_for}, follow_redirects=True).text
    found = re.search(r'<html lang="(\w+)"', page)
    assert found
    return found[1]


def choose(client: FlaskClient, chosen: str) -> int:
    return forms.post(client, "/language", page="/sign-in", language=chosen).status_code


def save(client: FlaskClient, name: str = "", chosen: str = "", theme: str = "") -> int:
    return forms.post(client, "/account/profile", page="/account", name=name, language=chosen, theme=theme).status_code


@pytest.mark.parametrize(
    ("asks_for", "shown"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("ja, nl;q=0.4", "nl"),
        ("ja", "en"),
        ("fr-CA", "fr"),
        (";;q=", "en"),
    ],
)
def test_browser_asks_for_language(client: FlaskClient, asks_for: str, shown: str) -> None:
    assert language(client, asks_for=asks_for) == shown


def test_choice_in_browser_outweighs_what_it_asks_for(client: FlaskClient) -> None:
    assert choose(client, "fr") == 303
    assert language(client, asks_for="de") == "fr"


@pytest.mark.parametrize(
    ("page", "next_page"),
    [
        ("http://localhost/sign-in?next=/sessions", "/sign-in?next=/sessions"),
        ("http://elsewhere.example//evil.example/", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_choice_leads_back_within_the_site_alone(client: FlaskClient, page: str, next_page: str) -> None:
    answer = forms.post(client, "/language", page="/sign-in", language="es", headers={"Referer": page})
    assert answer.location == next_page


def test_unknown_language_refused(client: FlaskClient) -> None:
    assert choose(client, "tlh") == 400
    client.set_cookie("language", "../../etc")
    assert language(client, asks_for="de") == "de"


@pytest.mark.both_databases
def test_account_outweighs_browser(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    client.set_cookie("language", "fr")
    assert save(client, name="  Ada\tLovelace ", chosen="nl", theme="dark") == 303

    page = client.get("/account").text
    assert '<html lang="nl" data-theme="dark">' in page
    assert "Ada Lovelace" in page
    assert AuditEntry.select().where(AuditEntry.action == "account.profile_set").count() == 1
    assert language(client, "/account", asks_for="de") == "nl"


def test_profile_saved_twice_is_one_change(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    assert [save(client, name="Ada"), save(client, name="Ada")] == [303, 303]
    assert AuditEntry.select().where(AuditEntry.action == "account.profile_set").count() == 1


@pytest.mark.parametrize(("field", "value"), [("name", "x" * 61), ("language", "tlh"), ("theme", "pink")])
def test_profile_refused(client: FlaskClient, cast: Cast, field: str, value: str) -> None:
    forms.sign_in(client, cast.ada)
    fields = {"name": "", "language": "", "theme": "", field: value}
    answer = forms.post(client, "/account/profile", page="/account", **fields)
    assert answer.status_code == 422
    account = Account.get_by_id(cast.ada.id)
    assert (account.name, account.language, account.theme) == ("", "", "")


def test_profile_needs_sign_in(client: FlaskClient) -> None:
    answer = forms.post(client, "/account/profile", page="/sign-in", name="Ada", language="", theme="")
    assert answer.location.startswith("/sign-in")


def test_stream_is_in_its_pages_language(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    """A page keeps its language when the account gets another one."""
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 1012340)
    forms.sign_in(client, cast.ada)
    save(client, chosen="de")
    german = client.get(f"/sessions/{number}").text
    address = unescape(re.findall(r'data-address="([^"]+)"', german)[0])
    save(client, chosen="en")

    pushed = client.get(f"{address}&once=1").text
    figure = re.search(r"\d+,\d\d", german)
    assert figure
    assert figure[0] in pushed
    assert figure[0].replace(",", ".") in client.get(f"/sessions/{number}").text


@pytest.mark.parametrize("asked", ["tlh", "", "de%00", "../de"])
def test_stream_of_unknown_language_is_english(client: FlaskClient, cast: Cast, charging: Charging, asked: str) -> None:
    number = charging.start(cast.ada.id_tag)
    forms.sign_in(client, cast.ada)
    charging.end(number, 1_000_000)
    english = client.get(f"/live/sessions/{number}?once=1").text
    assert client.get(f"/live/sessions/{number}?once=1&lang={asked}").text == english
