"""A driver's cards: what the page says, naming, reporting lost, adding one that was just tapped, and every refusal."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration, attention
from polaris.administration import own_cards
from polaris.administration.own_cards import CardRefusal
from polaris.domain.enums import AccountStatus, Authorization
from polaris.ingest import Ingest
from polaris.models import Account, AuditEntry, Command, EvCard, StopRequest, UnknownCard
from polaris.services import NAME
from polaris.web.cards.topic import OwnCardsTopic
from tests.support import forms, plans
from tests.support.cast import ACTOR, Cast, Person, now
from tests.support.charging import Charging
from tests.support.listening import listening
from tests.support.pages import Open, direct

STOPPED = "Charger could not stop the session. Please try again."  # nobody holds the charger in these tests


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def card_of(person: Person) -> EvCard:
    return EvCard.get(EvCard.account == person.id)


def actions() -> list[str]:
    return [row.action for row in AuditEntry.select().order_by(AuditEntry.id) if row.action.startswith("card.")]


def matters() -> list[attention.Item]:
    """The lost cards that operators are told of."""
    sections = attention.read(now(), ()).sections
    return [item for section in sections if section.kind.name == "lost_card" for item in section.items]


@pytest.fixture
def ada(client: FlaskClient, cast: Cast) -> FlaskClient:
    forms.sign_in(client, cast.ada)
    return client


@pytest.fixture
def tap(cast: Cast, ingest: Ingest) -> UnknownCard:
    """A card that was just tapped and that nobody has."""
    ingest.authorize("04a2b3c4", cast.depot_7.id, now())
    return UnknownCard.get()


def claim(client: FlaskClient, tap: UnknownCard, **typed: str) -> TestResponse:
    token = forms.token(client, "/account")
    return client.post(f"/cards/taps/{tap.id}", data={"csrf_token": token, "ends": "…B3C4"} | typed, buffered=True)


@pytest.mark.both_databases
def test_card_says_when_and_how_often_it_was_used(
    ada: FlaskClient, cast: Cast, charging: Charging, ingest: Ingest
) -> None:
    assert "…DA-1 Active Not used yet. Rename Limit Report lost" in text_of(ada.get("/cards").text)
    charging.end(charging.start(cast.ada.id_tag), 3000)
    number = charging.start(cast.ada.id_tag)
    page = ada.get("/cards").text
    words = text_of(page)
    assert re.search(r"Last used \d.* UTC at Depot 7 · 2 sessions", words)
    assert f'href="/sessions/{number}"' in page
    assert "Stop charging" in words
    assert cast.ada.id_tag not in page
    assert "BEN" not in page


def test_words_without_a_card(ada: FlaskClient, cast: Cast) -> None:
    EvCard.delete().where(EvCard.account == cast.ada.id).execute()
    words = text_of(ada.get("/cards").text)
    assert "No cards yet. Your first card comes from the operator, or tap a card at a charger and add it here." in words


@pytest.mark.both_databases
def test_limit_of_its_sessions(ada: FlaskClient, cast: Cast) -> None:
    path = f"/cards/{card_of(cast.ada).id}/limit"
    answer = forms.post(ada, path, page=path, kind="energy", value="7,5")
    assert answer.status_code == 303
    assert (card_of(cast.ada).limit_kind, card_of(cast.ada).limit_value) == ("energy", 7500)
    page = text_of(ada.get("/cards").text)
    assert "The limit is saved." in page
    assert "Its sessions stop by themselves at 7.5 kWh." in page
    assert 'value="7.5"' in ada.get(path).text
    forms.post(ada, path, page=path, kind="money", value="10")
    assert "stop by themselves at 10, in the site's currency." in text_of(ada.get("/cards").text)
    forms.post(ada, path, page=path, kind="soc", value="")
    assert card_of(cast.ada).limit_kind == ""
    assert "stop by themselves" not in ada.get("/cards").text
    assert actions()[-3:] == ["card.limit_set"] * 3


@pytest.mark.parametrize(
    ("kind", "value"), [("energy", "x"), ("soc", "101"), ("time", "18:30"), ("", "5"), ("energy", "0")]
)
def test_no_such_limit(ada: FlaskClient, cast: Cast, kind: str, value: str) -> None:
    path = f"/cards/{card_of(cast.ada).id}/limit"
    answer = forms.post(ada, path, page=path, kind=kind, value=value)
    assert answer.status_code == 422
    assert "Enter a number like 20 or 7.5." in text_of(answer.text)
    assert card_of(cast.ada).limit_kind == ""


def test_limit_of_own_cards_alone(ada: FlaskClient, cast: Cast) -> None:
    path = f"/cards/{card_of(cast.ben).id}/limit"
    assert ada.get(path).status_code == 404
    assert forms.post(ada, path, page="/cards", kind="energy", value="5").status_code == 404
    Account.update(status="suspended").where(Account.id == cast.ada.id).execute()
    path = f"/cards/{card_of(cast.ada).id}/limit"
    assert forms.post(ada, path, page="/account", kind="energy", value="5").status_code == 403
    assert not EvCard.select().where(EvCard.limit_kind != "").exists()


def test_rename(ada: FlaskClient, cast: Cast) -> None:
    card = card_of(cast.ada)
    assert forms.fill_in(ada, f"/cards/{card.id}/name", name="  My   <b>van</b> ").location == "/cards"
    page = ada.get("/cards").text
    assert "My &lt;b&gt;van&lt;/b&gt;" in page
    assert "…DA-1" in page
    assert f'<option value="{card.id}">My &lt;b&gt;van' in ada.get("/sessions").text
    assert actions()[-1] == "card.renamed"
    too_long = forms.fill_in(ada, f"/cards/{card.id}/name", name="x" * 41)
    assert (too_long.status_code, "A name has up to 40 characters." in too_long.text) == (422, True)
    forms.fill_in(ada, f"/cards/{card.id}/name", name="")
    assert card_of(cast.ada).name == ""


@pytest.mark.both_databases
def test_lost_card_is_blocked_and_its_session_stopped(
    ada: FlaskClient, cast: Cast, charging: Charging, ingest: Ingest
) -> None:
    number = charging.start(cast.ada.id_tag)
    card = card_of(cast.ada)
    assert ingest.authorize(cast.ada.id_tag, cast.depot_7.id, now()).authorization is Authorization.ACCEPTED
    path = f"/cards/{card.id}/lost"
    asked = text_of(ada.get(path).text)
    assert f"The card stops working now, and session #{number}, started with it, is asked to stop." in asked
    assert forms.fill_in(ada, path).location == "/cards"

    assert ingest.authorize(cast.ada.id_tag, cast.depot_7.id, now()).authorization is Authorization.BLOCKED
    words = text_of(ada.get("/cards").text)
    assert "Card …DA-1 is blocked, and the operator is told." in words
    assert "…DA-1 Reported lost" in words
    assert STOPPED in words
    assert STOPPED in text_of(ada.get(f"/sessions/{number}").text)  # its driver still sees it, and may stop it
    (matter,) = matters()
    assert (matter.session, matter.name) == (number, cast.ada.id_tag)
    assert actions()[-1] == "card.lost"
    refused = charging.start(cast.ada.id_tag, connector=2)
    assert "Report lost" not in text_of(ada.get("/cards").text)
    assert refused


@pytest.mark.both_databases
def test_lost_card_ends_the_start_with_it(
    ada: FlaskClient, cast: Cast, charging: Charging, ingest: Ingest, redis_url: str
) -> None:
    charging.status("Available")
    with listening(redis_url, "depot-7"):
        assert ingest.request_start("depot-7", 1, cast.ada.id, now()) is None
    path = f"/cards/{card_of(cast.ada).id}/lost"
    assert "The start at Depot 7, made with it, is over." in text_of(ada.get(path).text)
    assert forms.fill_in(ada, path).location == "/cards"
    row = Command.get()
    assert (row.state, row.status) == ("timed_out", "CardBlocked")
    assert "This start is over: its card is blocked." in text_of(ada.get("/start/depot-7/1").text)


@pytest.mark.both_databases
def test_reporting_twice_changes_nothing(ada: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.start(cast.ada.id_tag)
    card = card_of(cast.ada)
    path = f"/cards/{card.id}/lost"
    fields = forms.fields(ada.get(path).text)
    ada.post(path, data=fields)
    before = (card_of(cast.ada).lost_at, StopRequest.select().count(), actions())
    answer = ada.post(path, data=fields, follow_redirects=True)
    assert "Card …DA-1 is reported lost already. Nothing was changed." in text_of(answer.text)
    assert own_cards.report_lost(cast.ada.id, card.id, now=now()) == []
    assert (card_of(cast.ada).lost_at, StopRequest.select().count(), actions()) == before


# A card that was just tapped.


@pytest.mark.both_databases
def test_tapped_card_is_added(ada: FlaskClient, cast: Cast, ingest: Ingest, tap: UnknownCard) -> None:
    page = ada.get("/cards").text
    assert "…B3C4 Tapped at Depot 7 just now Add it" in text_of(page)
    assert "04A2" not in page
    UnknownCard.update(last_at=now() - timedelta(minutes=2, seconds=5)).execute()
    page = ada.get("/cards").text
    assert "Tapped at Depot 7 2 minutes ago" in text_of(page)
    link = re.search(r'href="(/cards/taps/[^"]+)"', page)
    assert link
    assert forms.fill_in(ada, unescape(link[1])).location == "/cards"
    assert "Card …B3C4 is yours now." in text_of(ada.get("/cards").text)
    assert EvCard.get(EvCard.id_tag == "04A2B3C4").account_id == cast.ada.id
    assert actions()[-1] == "card.claimed"
    assert ingest.authorize("04A2B3C4", cast.depot_7.id, now()).authorization is Authorization.ACCEPTED


@pytest.mark.both_databases
def test_one_claim_wins(app: Flask, ada: FlaskClient, cast: Cast, tap: UnknownCard) -> None:
    other = app.test_client()
    forms.sign_in(other, cast.ben)
    assert claim(ada, tap).status_code == 303
    late = claim(other, tap)
    assert (late.status_code, "This card cannot be added any more." in late.text) == (409, True)
    assert EvCard.get(EvCard.id_tag == "04A2B3C4").account_id == cast.ada.id


@pytest.mark.parametrize("change", ["old", "ends", "turned", "gone"])
def test_card_that_is_not_to_be_had(ada: FlaskClient, cast: Cast, tap: UnknownCard, change: str) -> None:
    if change == "old":
        UnknownCard.update(last_at=now() - own_cards.TAP_AGE).execute()
    elif change == "turned":  # Ben's, whose bytes the charger turns round
        administration.add_card(cast.ben.email, "C4B3A204", actor=ACTOR, now=now())
    elif change == "gone":
        UnknownCard.delete().execute()
    answer = claim(ada, tap, **({"ends": "…FFFF"} if change == "ends" else {}))
    assert answer.status_code == 409
    assert not EvCard.select().where(EvCard.id_tag == "04A2B3C4").exists()
    assert ada.get(f"/cards/taps/{tap.id}?ends={'…FFFF' if change == 'ends' else '…B3C4'}").status_code == 409
    assert ("…B3C4" in ada.get("/cards").text) == (change == "ends")


@pytest.mark.both_databases
def test_claims_of_a_day_are_bounded(ada: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    for number in range(own_cards.MAX_CLAIMS + 1):
        ingest.authorize(f"04A2B30{number}", cast.depot_7.id, now())
    claims = [claim(ada, tap, ends=f"…B30{tap.id_tag[-1]}") for tap in UnknownCard.select()]
    assert [answer.status_code for answer in claims] == [303] * own_cards.MAX_CLAIMS + [429]
    assert "You have added 3 cards today." in claims[-1].text
    AuditEntry.update(at=now() - own_cards.CLAIM_INTERVAL).where(AuditEntry.action == "card.claimed").execute()
    (left,) = UnknownCard.select()
    assert claim(ada, left, ends=f"…B30{left.id_tag[-1]}").status_code == 303


def test_many_cards_are_bounded(ada: FlaskClient, cast: Cast, tap: UnknownCard) -> None:
    for number in range(own_cards.MAX_CARDS):
        administration.add_card(cast.ada.email, f"C-{number}", actor=ACTOR, now=now())
    answer = claim(ada, tap)
    assert (answer.status_code, "as many cards as can be added here" in answer.text) == (409, True)


# Refusals.


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["/cards/{}/name", "/cards/{}/lost"])
def test_card_of_another_is_not_there(ada: FlaskClient, cast: Cast, path: str) -> None:
    for card_id in (card_of(cast.ben).id, 77, 2**31, "x"):
        assert ada.get(path.format(card_id)).status_code == 404
        assert forms.post(ada, path.format(card_id), page="/account", name="mine").status_code == 404
    ben = card_of(cast.ben)
    assert (ben.name, ben.lost_at, ben.status) == ("", None, "active")
    assert own_cards.rename(cast.ada.id, ben.id, "mine", now=now()) is CardRefusal.NOT_FOUND
    assert own_cards.report_lost(cast.ada.id, ben.id, now=now()) is CardRefusal.NOT_FOUND


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.STOPPED])
def test_inactive_account_only_reports_a_card_lost(
    app: Flask, ada: FlaskClient, cast: Cast, charging: Charging, tap: UnknownCard, status: AccountStatus
) -> None:
    number = charging.start(cast.ada.id_tag)
    publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, cast.ada.email, status, actor=ACTOR, now=now())
    words = text_of(ada.get("/cards").text)
    assert "Your account is not active, so chargers refuse its cards" in words
    assert "Report lost" in words
    assert "Not accepted now" in words
    assert "Rename" not in words
    assert "Just tapped" not in words
    card = card_of(cast.ada)
    answer = forms.post(ada, f"/cards/{card.id}/name", page="/account", name="mine")
    assert (answer.status_code, "Your account is not active" in answer.text) == (403, True)
    assert claim(ada, tap).status_code == 403
    assert (card_of(cast.ada).name, card_of(cast.ada).lost_at) == ("", None)
    assert StopRequest.select().count() == 0
    assert forms.post(ada, f"/cards/{card.id}/lost", page="/account").status_code == 303
    assert card_of(cast.ada).lost_at is not None
    assert [row.session_id for row in StopRequest.select()] == [number], "the loser of a card still pays for it"


def test_form_without_token_does_nothing(ada: FlaskClient, cast: Cast) -> None:
    assert ada.post(f"/cards/{card_of(cast.ada).id}/lost").status_code == 400
    assert card_of(cast.ada).lost_at is None


def test_operator_and_visitor(app: Flask, olga: FlaskClient, cast: Cast, tap: UnknownCard) -> None:
    card = card_of(cast.ada)
    for path in (f"/cards/{card.id}/name", f"/cards/{card.id}/lost", f"/cards/taps/{tap.id}"):
        assert olga.get(path).status_code == 404
        assert app.test_client().get(path).status_code == 302
    assert "cards-list" in olga.get("/cards").text


# Live, and what it costs.


@pytest.mark.parametrize("open_", [direct], indirect=True)
def test_page_follows(app: Flask, cast: Cast, charging: Charging, open_: Open) -> None:
    page = open_(OwnCardsTopic(cast.ada.id), cast.ada)
    assert page.shows("Not used yet.", in_="own-cards")
    charging.ingest.authorize("04b2c3d4", cast.depot_7.id, now())
    assert page.shows("…C3D4", in_="own-taps")
    number = charging.start(cast.ada.id_tag)
    assert page.shows(f"Session #{number}", in_="own-cards")
    app.extensions[NAME].ingest.request_stop(number, cast.ada.id, now())
    assert page.shows(STOPPED, in_="own-cards")
    charging.end(number, 4000)
    assert page.shows("1 session<", in_="own-cards")
    assert "BEN" not in "".join(page.everything)


@pytest.mark.both_databases
def test_page_reads_no_whole_table(ada: FlaskClient, cast: Cast, charging: Charging, tap: UnknownCard) -> None:
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        ada.get("/cards")
    large = [(sql, values) for sql, values in statements if "unknown_card" not in sql]  # a hundred rows at most
    assert large
    assert plans.full_scans(large) == []
