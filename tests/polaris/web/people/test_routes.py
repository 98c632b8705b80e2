"""The pages about people: what they show, to operators alone, and that they follow what others do."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration, retention
from polaris.domain.enums import AccountStatus, Role
from polaris.lists.accounts import AccountFilter
from polaris.models import Account, SignIn, blocking
from polaris.pubsub import Publisher
from polaris.services import NAME
from polaris.web.people import queries
from polaris.web.people.rows import Wanted
from polaris.web.people.topic import PeopleTopic, PersonTopic
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import cast as cast_
from tests.support import forms, plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.command_line import run_command
from tests.support.pages import Open, direct

PATHS = ("/people", "/people/1", "/live/people", "/live/people/1", "/live/people?once=", "/live/people/1?once=")
AUDITED = {"actor": ACTOR}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def listed(client: FlaskClient, **query: str) -> list[str]:
    """The addresses of the rows that the list shows."""
    return re.findall(r'<a href="/people/\d+">([^<]+)</a>', client.get("/people", query_string=query).text)


@pytest.mark.both_databases
def test_row_says_all_of_an_account(olga: FlaskClient, cast: Cast, charging: Charging, publisher: Publisher) -> None:
    number = charging.start(cast.ada.id_tag)
    administration.set_account_status(publisher, cast.ben.email, AccountStatus.SUSPENDED, now=now(), **AUDITED)
    administration.add_card(cast.ben.email, "BEN-2", now=now(), **AUDITED)

    page = olga.get("/people").text

    assert listed(olga) == [cast.olga.email, cast.ben.email, cast.ada.email]
    assert f'href="/sessions/{number}"' in page
    words = text_of(page)
    assert "ada@example.com Driver Active may charge and stop sessions ADA-1" in words
    assert "Depot 7 , in progress" in words.replace("7,", "7 ,")
    assert "Suspended barred by an operator: may sign in and look, not charge 2 cards BEN-1, …" in words
    assert "1 signed in last seen" in words, words
    assert "3 accounts" in words


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"email": "A"}, ["ada"]),
        ({"email": " Ada@Example.com "}, ["ada"]),
        ({"email": "da"}, []),
        ({"email": "%"}, []),
        ({"role": "operator"}, ["olga"]),
        ({"role": "driver"}, ["ben", "ada"]),
        ({"role": "driver", "status": "suspended"}, ["ben"]),
        ({"status": "suspended"}, ["ben"]),
        ({"status": "active", "email": "o"}, ["olga"]),
    ],
)
def test_filters(olga: FlaskClient, cast: Cast, publisher: Publisher, query: dict[str, str], names: list[str]) -> None:
    administration.set_account_status(publisher, cast.ben.email, AccountStatus.SUSPENDED, now=now(), **AUDITED)
    assert listed(olga, **query) == [f"{name}@example.com" for name in names]


def test_pages(olga: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS", 2)
    for number in range(3):
        cast_.add_person(f"p{number}@example.com")
    seen, path = [], "/people?role=driver"
    while path:
        page = olga.get(path).text
        seen += re.findall(r">(\w+)@example.com</a>", page)
        link = re.search(r'href="([^"]+)"\s+rel="next"', page)
        path = unescape(link[1]) if link else ""
    assert seen == ["p2", "p1", "p0", "ben", "ada"]


def test_nobody_matches(olga: FlaskClient) -> None:
    page = olga.get("/people?email=zoe").text
    assert "Nobody matches." in page
    assert "0 accounts match" in page


@pytest.mark.both_databases
def test_person_page_says_all(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    administration.set_card_expiry(cast.ada.id_tag, now() + timedelta(days=1), now=now(), **AUDITED)

    page = olga.get(f"/people/{cast.ada.id}").text

    words = text_of(page)
    for sentence in (
        "Driver: may charge and stop sessions.",
        "Two-step sign-in is off: the password alone signs in.",
        "Not signed in on any device.",
        "ADA-1 active until",
        f"Session #{number} , Depot 7",
        "Nothing yet.",
    ):
        assert sentence in words
    for verb in ("status", "role", "erase", "password"):
        assert f'href="/actions/account/{verb}?email=ada@example.com' in page
    assert f"/actions/card/add?email=ada@example.com&amp;next=/people/{cast.ada.id}" in page


def test_verb_leads_back(olga: FlaskClient, cast: Cast) -> None:
    page = olga.get(f"/people/{cast.ada.id}").text
    link = re.search(r'href="([^"]+)">Suspend<', page)
    assert link
    answer = forms.fill_in(olga, unescape(link[1]))
    assert answer.location == f"/people/{cast.ada.id}"
    words = text_of(olga.get(answer.location).text)
    assert "ada@example.com is suspended." in words
    assert "Driver: barred by an operator" in words
    assert "Changed account's status: active to suspended olga@example.com," in words


def test_person_with_second_factor(olga: FlaskClient, cast: Cast) -> None:
    from polaris.models import AuthenticatorApp, Passkey, RecoveryCode

    @blocking
    def add() -> None:
        times = {"created_at": now(), "challenged_at": now()}
        key = {"credential_id": "c", "public_key": "k", "sign_count": 0}
        Passkey.create(account=cast.ada.id, name="<b>Key</b>", **times, **key)
        AuthenticatorApp.create(account=cast.ada.id, sealed_secret="s", last_step=1, created_at=now())
        RecoveryCode.create(account=cast.ada.id, code_hash="h")

    add()
    page = olga.get(f"/people/{cast.ada.id}").text
    assert "passkey &lt;b&gt;Key&lt;/b&gt;; authenticator app; 1 recovery code." in re.sub(r"\s+", " ", page)
    assert "&lt;b&gt;Key&lt;/b&gt;" in page
    assert "<b>Key" not in page
    assert "/actions/account/reset-factors" in page


def test_erased_person_has_only_sessions(
    olga: FlaskClient, cast: Cast, charging: Charging, publisher: Publisher
) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 2000)
    retention.erase(publisher, cast.ada.email, actor=ACTOR, now=now())
    page = olga.get(f"/people/{cast.ada.id}").text
    assert f"Session #{number}" in page
    assert "/actions/account" not in page
    assert "Erased" in text_of(olga.get("/people").text)
    assert listed(olga, status="suspended") == []


@pytest.mark.parametrize("number", ["0", "4711", str(2**31), "9" * 30])
def test_unknown_person_is_404(olga: FlaskClient, number: str) -> None:
    assert olga.get(f"/people/{number}").status_code == 404
    assert f"person-{number}" not in olga.get(f"/live/people/{number}?once=").text


@pytest.mark.parametrize("path", PATHS)
def test_driver_gets_404(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(path).status_code == 404
    assert 'href="/people"' not in client.get("/sessions").text


@pytest.mark.parametrize("path", PATHS)
def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast, path: str) -> None:
    assert client.get(path).status_code == (401 if "live" in path else 302)


@pytest.mark.both_databases
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filter(olga: FlaskClient, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for name in ("email", "role", "status", "before"):
        for path in ("/people", "/live/people"):
            answer = olga.get(path, query_string={name: value} | ({"once": ""} if "live" in path else {}))
            assert answer.status_code in (200, 422)
            assert "<script>alert" not in answer.text


def test_hostile_address_is_escaped(olga: FlaskClient, cast: Cast) -> None:
    @blocking
    def rename() -> None:
        Account.update(email="\"><script>alert(1)</script>'@x.example").where(Account.id == cast.ada.id).execute()

    rename()
    for path in ("/people", f"/people/{cast.ada.id}", "/cards"):
        assert "<script>alert" not in olga.get(path).text


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_pages_follow_others(app: Flask, cast: Cast, charging: Charging, open_: Open) -> None:
    config = app.extensions[NAME].config
    lifetimes = administration.lifetimes(config)
    people = open_(PeopleTopic(Wanted(AccountFilter(email="ada")), lifetimes), cast.olga, role=Role.OPERATOR)
    person = open_(PersonTopic(cast.ada.id, lifetimes), cast.olga, role=Role.OPERATOR)
    assert people.shows("may charge", in_="people-list")
    assert person.shows("No sessions yet.", in_="person-")
    run_command(config, "account", "status", cast.ada.email, "stopped")
    assert people.shows("Stopped", in_="people-list")
    assert person.shows("active to stopped", in_="person-")
    run_command(config, "card", "add", cast.ada.email, "ADA-2")
    assert people.shows("2 cards", in_="people-list")
    assert person.shows("ADA-2", in_="person-")
    number = charging.start(cast.ada.id_tag)
    assert people.shows("in progress", in_="people-list")
    assert person.shows(f"Session #{number}", in_="person-")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "query", [{}, {"email": "a"}, {"role": "driver", "status": "active"}, {"email": "b", "status": "stopped"}]
)
def test_pages_read_no_whole_table(olga: FlaskClient, cast: Cast, charging: Charging, query: dict[str, str]) -> None:
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        olga.get("/people", query_string=query)
        olga.get("/people", query_string=query | {"before": "2"})
        olga.get(f"/people/{cast.ada.id}")
    assert plans.full_scans(statements) == []


@pytest.mark.both_databases
def test_signed_out_and_idle_devices_do_not_count(olga: FlaskClient, cast: Cast) -> None:
    @blocking
    def add() -> None:
        for number, (seen_at, revoked_at) in enumerate(
            [(now(), None), (now(), now()), (now() - timedelta(days=60), None)]
        ):
            times = {"created_at": seen_at, "last_seen_at": seen_at, "revoked_at": revoked_at}
            SignIn.create(id=f"{number}", account=cast.ada.id, user_agent="Firefox", **times)

    add()
    assert "1 signed in" in text_of(olga.get("/people?email=ada").text)
