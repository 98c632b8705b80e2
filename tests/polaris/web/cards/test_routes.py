"""The page of cards: the list, the unknown cards, to operators alone, and that it follows chargers and people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration
from polaris.config import Config
from polaris.domain.enums import Authorization, Role
from polaris.ingest import Ingest
from polaris.lists.cards import CardFilter
from polaris.models import EvCard
from polaris.services import NAME
from polaris.web.cards import queries
from polaris.web.cards.rows import Wanted
from polaris.web.cards.topic import CardsTopic
from tests.polaris.domain.test_filters import HOSTILE
from tests.support import forms, plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.command_line import run_command
from tests.support.pages import Open, direct

PATHS = ("/cards", "/live/cards", "/live/cards?once=")
AUDITED = {"actor": ACTOR}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def listed(client: FlaskClient, **query: str) -> list[str]:
    """The cards of the rows that the list shows."""
    return re.findall(r'role="rowheader">([^<]+)</th>', client.get("/cards", query_string=query).text)


@pytest.fixture
def cards(cast: Cast) -> None:
    """A card that is blocked, one that has expired, and one that will."""
    for id_tag, until in (("04A1", None), ("04A2", now() - timedelta(days=1)), ("04A3", now() + timedelta(days=1))):
        administration.add_card(cast.ben.email, id_tag, expires_at=until, now=now(), **AUDITED)
    administration.block_card("04A1", now=now(), **AUDITED)


@pytest.mark.both_databases
def test_row_says_all_of_a_card(olga: FlaskClient, cast: Cast, charging: Charging, cards: None) -> None:
    number = charging.start(cast.ada.id_tag)
    page = olga.get("/cards").text
    words = text_of(page)
    assert "04A1 ben@example.com Blocked never none Set when it expires" in words
    assert "04A2 ben@example.com Expired" in words
    assert "04A3 ben@example.com Active" in words
    assert re.search(
        r"ADA-1 ada@example.com Active never \d.* UTC Depot 7, in progress Set when it expires Block", words
    )
    assert f'href="/sessions/{number}"' in page
    assert "5 cards" in words


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["04A3", "04A2", "04A1", "BEN-1", "ADA-1"]),
        ({"card": "04a"}, ["04A3", "04A2", "04A1"]),
        ({"card": " ada-1 "}, ["ADA-1"]),
        ({"card": "DA-1"}, []),
        ({"email": "ADA@example.com"}, ["ADA-1"]),
        ({"email": "ada"}, []),
        ({"state": "blocked"}, ["04A1"]),
        ({"state": "expired"}, ["04A2"]),
        ({"state": "active"}, ["04A3", "BEN-1", "ADA-1"]),
        ({"state": "active", "card": "04", "email": "ben@example.com"}, ["04A3"]),
    ],
)
def test_filters(olga: FlaskClient, cards: None, query: dict[str, str], found: list[str]) -> None:
    assert listed(olga, **query) == found


def test_uid_is_found_however_it_is_written(olga: FlaskClient, cast: Cast) -> None:
    administration.add_card(cast.ben.email, "f6:ca:0c:c5", now=now(), **AUDITED)
    assert (
        listed(olga, card="F6 CA 0C C5") == listed(olga, card="f6ca0cc5") == listed(olga, card="f6ca") == ["F6CA0CC5"]
    )


def test_pages(olga: FlaskClient, cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE_ROWS", 2)
    seen, path = [], "/cards"
    while path:
        page = olga.get(path).text
        seen += re.findall(r'role="rowheader">([^<]+)</th>', page)
        link = re.search(r'href="([^"]+)"\s+rel="next"', page)
        path = unescape(link[1]) if link else ""
    assert seen == ["04A3", "04A2", "04A1", "BEN-1", "ADA-1"]


@pytest.mark.parametrize("card", ["ADA-1", "KeyCode:1234"])
def test_verbs_change_the_card_of_their_row(olga: FlaskClient, cast: Cast, card: str) -> None:
    if card != "ADA-1":
        administration.add_card(cast.ada.email, "1234", type_="KeyCode", now=now(), **AUDITED)
    page = olga.get("/cards").text
    shown = card.removeprefix("KeyCode:")
    link = re.search(rf'href="([^"]+)"\s+aria-label="Block card {shown}', page)
    assert link
    answer = forms.fill_in(olga, unescape(link[1]))
    assert answer.location == "/cards"
    assert "is blocked" in text_of(olga.get("/cards").text)
    assert listed(olga, state="blocked") == [{"ADA-1": "ADA-1"}.get(card, "1234 (KeyCode)")]


def test_expiry_of_a_key_code_is_set(olga: FlaskClient, cast: Cast) -> None:
    administration.add_card(cast.ada.email, "1234", type_="KeyCode", now=now(), **AUDITED)
    link = re.search(r'href="([^"]+)"\s+aria-label="Set when card 1234', olga.get("/cards").text)
    assert link
    assert forms.fill_in(olga, unescape(link[1]), expires_at="2020-01-01").location == "/cards"
    assert listed(olga, state="expired") == ["1234 (KeyCode)"]


# Unknown cards.


def test_unknown_card_is_given_to_an_account(olga: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    ingest.authorize("04b2", cast.depot_7.id, now())
    page = olga.get("/cards").text
    assert "04B2" in page
    assert "tapped once" in page
    link = re.search(r'href="([^"]+)">Add the card to an account', page)
    assert link
    forms.fill_in(olga, unescape(link[1]), email=cast.ada.email)
    words = text_of(olga.get("/cards").text)
    assert "Card 04B2 was added to ada@example.com." in words
    assert "None. A card that nobody has" in words
    assert ingest.authorize("04B2", cast.depot_7.id, now()).authorization is Authorization.ACCEPTED


@pytest.mark.both_databases
def test_turned_bytes_name_the_card(olga: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    administration.add_card(cast.ada.email, "C4B3A204", now=now(), **AUDITED)
    ingest.authorize("04A2B3C4", cast.depot_7.id, now())
    page = olga.get("/cards").text
    assert "The card's print says C4B3A204, which ada@example.com has: this charger turns the bytes round." in unescape(
        page
    )
    assert "email=ada@example.com" in page


def test_newest_unknown_cards_first_and_all_on_request(olga: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    for number in range(12):
        ingest.authorize(f"T-{number:02}", cast.depot_7.id, now() + timedelta(seconds=number))
    shown = re.findall(r"<b>(T-\d\d)</b>", olga.get("/cards").text)
    assert shown == [f"T-{number:02}" for number in range(11, 1, -1)]
    page = olga.get("/cards").text
    assert "Show all 12" in page
    assert len(re.findall(r"<b>(T-\d\d)</b>", olga.get("/cards?taps=all").text)) == 12


# Refusals and hostile input.


@pytest.mark.parametrize("path", ["/cards", "/live/cards?once="])
def test_driver_gets_own_cards(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    page = client.get(path).text
    assert "own-cards" in page
    assert "cards-list" not in page


@pytest.mark.parametrize("path", ["/cards.csv", "/cards/import"])
def test_driver_gets_404(client: FlaskClient, cast: Cast, path: str) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_visitor_is_asked_to_sign_in(client: FlaskClient, cast: Cast, path: str) -> None:
    assert client.get(path).status_code == (401 if "live" in path else 302)


@pytest.mark.both_databases
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_filter(olga: FlaskClient, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for name in ("card", "email", "state", "before", "taps"):
        for path in ("/cards", "/live/cards"):
            answer = olga.get(path, query_string={name: value} | ({"once": ""} if "live" in path else {}))
            assert answer.status_code in (200, 422)
            assert "<script>alert" not in answer.text


def test_hostile_card_is_escaped(olga: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    ingest.authorize('"><SCRIPT>alert(1)', cast.depot_7.id, now())
    administration.add_card(cast.ada.email, "'><IMG SRC=X ONERROR=1>", now=now(), **AUDITED)
    page = olga.get("/cards").text
    assert not re.search(r"<script>alert|<img", page, re.IGNORECASE)


# Live.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_page_follows_chargers_and_people(app: Flask, cast: Cast, charging: Charging, open_: Open) -> None:
    page = open_(CardsTopic(Wanted(CardFilter())), cast.olga, role=Role.OPERATOR)
    assert page.shows("None. A card that nobody has", in_="card-taps")
    charging.ingest.authorize("04b2", cast.depot_7.id, now())
    assert page.shows("04B2", in_="card-taps")
    charging.start("04b3")
    assert page.shows("04B3", in_="card-taps")
    run_command(app.extensions[NAME].config, "card", "block", cast.ada.id_tag, "--yes")
    assert page.shows("Blocked", in_="cards-list")
    charging.start(cast.ben.id_tag, connector=2)
    assert page.shows("in progress", in_="cards-list")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "query",
    [{}, {"card": "a"}, {"email": "ben@example.com"}, {"state": "expired"}, {"state": "active", "card": "b"}],
)
def test_page_reads_no_whole_table(
    olga: FlaskClient, cast: Cast, charging: Charging, cards: None, query: dict[str, str]
) -> None:
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        olga.get("/cards", query_string=query)
        olga.get("/cards", query_string=query | {"before": "2"})
    of_list = [(sql, values) for sql, values in statements if "unknown_card" not in sql]  # a hundred rows at most
    assert of_list
    assert plans.full_scans(of_list) == []


def test_expiry_is_shown_as_it_is_typed(olga: FlaskClient, cast: Cast) -> None:
    until = datetime(2027, 1, 31, 12, 30, tzinfo=UTC)
    administration.set_card_expiry(cast.ada.id_tag, until, now=now(), **AUDITED)
    path = f"/actions/card/set-expiry?id_tag={cast.ada.id_tag}"

    page = olga.get(path).text
    assert "Expires (UTC)</label>" in page
    assert forms.fields(page)["expires_at"] == "2027-01-31T12:30:00"
    assert "Now: 2027-01-31 12:30:00 UTC" in olga.get(f"{path}&expires_at=2028-01-01T00:00").text
    assert (
        "That is so already." in olga.post(path, data=forms.fields(page) | {"seen": "{}"}, follow_redirects=True).text
    )


def test_expiry_of_a_token_is_its_own(olga: FlaskClient, cast: Cast) -> None:
    """A KeyCode is another token than the card of the same text."""
    until = datetime(2027, 1, 31, 12, 30, tzinfo=UTC)
    administration.add_card(cast.ada.email, "1234", now=now(), **AUDITED)
    administration.add_card(cast.ada.email, "1234", type_="KeyCode", expires_at=until, now=now(), **AUDITED)
    path = "/actions/card/set-expiry?id_tag=1234&type=KeyCode"

    form = forms.fields(olga.get(path).text)
    assert form["expires_at"] == "2027-01-31T12:30:00"
    assert forms.fields(olga.get("/actions/card/set-expiry?id_tag=1234").text)["expires_at"] == ""
    administration.set_card_expiry("1234", until.replace(year=2028), type_="KeyCode", now=now(), **AUDITED)
    refused = olga.post(path, data=form | {"expires_at": "2027-06-01T00:00:00"})

    assert (refused.status_code, "Now: 2028-01-31 12:30:00 UTC" in refused.text) == (409, True)
    assert EvCard.get(EvCard.id_tag == "KEYCODE:1234").expires_at == until.replace(year=2028)


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00+12:00"])
def test_expiry_at_the_ends_of_the_calendar_refused(olga: FlaskClient, cast: Cast, config: Config, at: str) -> None:
    refused = forms.fill_in(olga, f"/actions/card/set-expiry?id_tag={cast.ada.id_tag}", expires_at=at)

    assert (refused.status_code, "This is no instant such as 2026-11-23T14:00:00Z." in refused.text) == (422, True)
    said = run_command(config, "card", "set-expiry", cast.ada.id_tag, at)
    assert (said.exit_code, "his is no instant such as" in said.output) == (1, True)
    assert EvCard.get(EvCard.id_tag == cast.ada.id_tag).expires_at is None
