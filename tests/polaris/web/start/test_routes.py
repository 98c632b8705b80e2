"""A connector's page by plain HTTP and by its stream: what each state says, and every refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from polaris import administration
from polaris.domain.enums import AccountStatus, CommandState, RequestEvent
from polaris.ingest import CommandResult, Ingest
from polaris.models import Account, AuditEntry, Charger, Command, Connector, EvCard
from polaris.pubsub import RequestKind
from polaris.services import NAME
from polaris.web.sites.labels import start_url
from polaris.web.start import queries
from polaris.web.start.topic import StartTopic
from tests.support import forms
from tests.support.cast import ACTOR, Cast, add_charger, now
from tests.support.charging import Charging
from tests.support.listening import listening
from tests.support.pages import Open, direct
from tests.support.plans import executed, full_scans
from tests.support.valkey import Valkey

PATH = "/start/depot-7/1"
HTMX = {"HX-Request": "true"}
FAILED = "Charger could not start the session. Please try again."
UNSENT = "The start did not reach the charger, and will not be sent later. Please try again."


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def main_of(client: FlaskClient, path: str = PATH) -> str:
    page = client.get(path)
    return text_of(page.text[page.text.index("<main") :])


def press(client: FlaskClient, path: str = PATH, *, htmx: bool = False, **fields: str) -> TestResponse:
    return forms.post(client, path, page="/account", headers=HTMX if htmx else None, **fields)


def starts() -> list[Command]:
    return list(Command.select().where(Command.kind == "start").order_by(Command.id))


@pytest.fixture
def bay(charging: Charging) -> Charging:
    """Connector 1 of Ada's depot, which is free."""
    charging.status("Available")
    return charging


@pytest.fixture
def ada(client: FlaskClient, cast: Cast, bay: Charging) -> FlaskClient:
    forms.sign_in(client, cast.ada)
    return client


@pytest.fixture
def bridge(redis_url: str, bay: Charging) -> Iterator[None]:
    """A bridge that takes the commands and does nothing about them."""
    with listening(redis_url, "depot-7"):
        yield


def told(ingest: Ingest, charger_id: int, *results: CommandResult) -> None:
    """Let the bridge claim the newest start, and record what the charger answers."""
    (*_, row) = starts()
    assert ingest.claim(RequestKind.COMMAND, row.id, charger_id, "1", now()) is not None
    for result in results:
        ingest.record(RequestKind.COMMAND, row.id, result, now())


ACCEPTED = CommandResult(RequestEvent.ACCEPTED, "Accepted")


@pytest.mark.both_databases
def test_page_says_what_one_needs(ada: FlaskClient) -> None:
    page = main_of(ada)
    for shown in ("Depot 7", "Free", "Connector 1 · Main", "Price: €0.48 per kWh, incl. 20 % tax.", "DA-1", "Start"):
        assert shown in page


@pytest.mark.both_databases
def test_prices_by_time_are_a_list_with_those_of_now(ada: FlaskClient) -> None:
    hour = now().hour
    administration.set_tariff(
        "Main", per_kwh=Decimal("0.30"), per_session=Decimal("0.35"), tax_percent=Decimal(19),
        windows=[f"daily {hour:02}:00-{hour + 1:02}:00 0.50 per kWh"], actor=ACTOR, now=now() - timedelta(seconds=1),
    )  # fmt: skip
    page = main_of(ada)
    assert re.search(r"daily \d\d:00–\d\d:00 now €0\.595 per kWh at all other times €0\.357 per kWh", page)
    assert "Session fee €0.42" in page
    assert "Prices include 19 % tax." in page


def test_code_at_the_bay_leads_here_by_sign_in(app: Flask, client: FlaskClient, cast: Cast, bay: Charging) -> None:
    with app.test_request_context():
        assert start_url("", "depot-7", 1) == url_for("start.show", identity="depot-7", connector=1) == PATH
    asked = client.get(PATH)
    assert asked.status_code == 302
    page = client.get(asked.location)
    fields = forms.fields(page.text) | {"email": cast.ada.email, "password": cast.ada.password}
    signed_in = client.post(asked.location, data=fields)
    assert (signed_in.status_code, signed_in.location) == (302, PATH)


@pytest.mark.both_databases
@pytest.mark.usefixtures("bridge")
def test_press_leads_back_and_is_told(ada: FlaskClient, cast: Cast, ingest: Ingest, bay: Charging) -> None:
    answer = press(ada)
    assert (answer.status_code, answer.location) == (303, PATH)
    page = ada.get(PATH).text
    assert "Starting: sent to the charger." in page
    assert 'http-equiv="refresh"' in page
    assert 'hx-post="/start/depot-7/1"' not in page
    told(ingest, cast.depot_7.id, ACCEPTED)
    words = r"The charger accepted\. Plug in the car\. The charger waits (3:00|2:5\d) longer\."
    assert re.search(words, main_of(ada))
    bay.status("Preparing")
    assert "The charger accepted. The car is plugged in, and charging is about to begin." in main_of(ada)
    number = bay.start(cast.ada.id_tag)
    led = ada.get(PATH)
    assert (led.status_code, led.location) == (302, f"/sessions/{number}")
    assert AuditEntry.get(AuditEntry.action == "command.requested").actor == cast.ada.email


@pytest.mark.both_databases
@pytest.mark.usefixtures("bridge")
def test_page_and_press_read_no_table_whole(ada: FlaskClient, ingest: Ingest, cast: Cast, bay: Charging) -> None:
    bay.start(cast.ben.id_tag, connector=2)
    with executed() as statements:
        queries.page("depot-7", 1, cast.ada.id, now(), "")
        assert ingest.request_start("depot-7", 1, cast.ada.id, now()) is None
        queries.page("depot-7", 1, cast.ada.id, now(), "")
    assert len(statements) > 20
    assert full_scans(statements) == []


@pytest.mark.usefixtures("bridge")
def test_press_twice_in_two_tabs_is_one_start(ada: FlaskClient) -> None:
    for htmx in (False, True, False):
        assert press(ada, htmx=htmx).status_code == (200 if htmx else 303)
    assert len(starts()) == 1


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    ("result", "words"),
    [
        (CommandResult(RequestEvent.REJECTED, "Rejected"), FAILED),
        (CommandResult(RequestEvent.ERROR, "InternalError"), FAILED),
        (CommandResult(RequestEvent.NO_ANSWER), FAILED),
        (CommandResult(RequestEvent.DISCONNECTED), f"{FAILED} The connection broke before it answered."),
        (CommandResult(RequestEvent.NOT_SENT, "too long"), "This charger cannot be started with that card from here."),
    ],
)
def test_every_failure_has_its_words(
    ada: FlaskClient, cast: Cast, ingest: Ingest, result: CommandResult, words: str
) -> None:
    press(ada)
    told(ingest, cast.depot_7.id, result)
    for _ in range(2):  # after a reload, too
        page = ada.get(PATH).text
        assert words in text_of(page)
        assert re.search(r'data-countdown="([1-9]|10)"', page)
    assert press(ada, htmx=True).status_code == 409
    Command.update(requested_at=now() - timedelta(seconds=10)).execute()
    assert "hx-post" in ada.get(PATH).text
    assert press(ada).status_code == 303
    assert len(starts()) == 2


@pytest.mark.usefixtures("bridge")
def test_no_car_in_time_and_a_late_one(ada: FlaskClient, cast: Cast, ingest: Ingest, bay: Charging) -> None:
    press(ada)
    told(ingest, cast.depot_7.id, ACCEPTED)
    Command.update(deadline_at=now() - timedelta(seconds=1), requested_at=now() - timedelta(minutes=3)).execute()
    assert "No car was plugged in in time." in main_of(ada)
    assert "hx-post" in ada.get(PATH).text
    number = bay.start(cast.ada.id_tag)
    page = main_of(ada)
    assert f"The charger has begun after all, later than it was asked to. To session # {number}" in page.replace(
        f"#{number}", f"# {number}"
    )
    assert "Start charging" not in page
    bay.end(number, 2000)
    assert "The session that you started here is over." in main_of(ada)


def test_offline_is_said_and_never_queued(ada: FlaskClient, ingest: Ingest) -> None:
    assert press(ada).status_code == 303  # its lease runs, but no bridge listens
    assert f"{FAILED} The charger is offline: the start did not reach it, and will not be sent later." in main_of(ada)
    ingest.end_lease("bridge-of-tests", now())
    assert "This connector is offline." in main_of(ada)
    assert [row.state for row in starts()] == [CommandState.OFFLINE]


def test_redis_down_is_unsent(ada: FlaskClient, valkey: Valkey) -> None:
    token = forms.token(ada, "/account")
    valkey.stop()
    assert ada.post(PATH, data={"csrf_token": token}).status_code == 303
    assert UNSENT in main_of(ada)


@pytest.mark.parametrize("status", [AccountStatus.STOPPED, AccountStatus.SUSPENDED])
def test_inactive_account_refused(app: Flask, ada: FlaskClient, cast: Cast, status: AccountStatus) -> None:
    publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, cast.ada.email, status, actor=ACTOR, now=now())
    page = main_of(ada)
    assert f"Your account is {status}, so you cannot start a session. What this means" in page
    assert "hx-post" not in ada.get(PATH).text
    assert press(ada).status_code == 403
    assert starts() == []


@pytest.mark.both_databases
@pytest.mark.usefixtures("bridge")
def test_only_own_active_cards_start(ada: FlaskClient, cast: Cast) -> None:
    others = EvCard.get(EvCard.id_tag == cast.ben.id_tag).id
    for card in (others, 4711, "x", "", 10**30):
        answer = press(ada, card=str(card))
        assert (answer.status_code, "No active card on file." in answer.text) == (409, True)
    administration.block_card(cast.ada.id_tag, actor=ACTOR, now=now())
    page = ada.get(PATH).text
    assert "No active card on file." in text_of(page)
    assert 'href="/cards"' in page
    assert press(ada).status_code == 409
    administration.add_card(cast.ada.email, "OLD", expires_at=now(), actor=ACTOR, now=now())
    assert press(ada, card=str(EvCard.get(EvCard.id_tag == "OLD").id)).status_code == 409
    assert starts() == []


@pytest.mark.usefixtures("bridge")
def test_card_is_chosen(ada: FlaskClient, cast: Cast) -> None:
    administration.add_card(cast.ada.email, "SECOND", actor=ACTOR, now=now())
    page = ada.get(PATH).text
    assert len(re.findall("<option", page)) == 2
    press(ada, card=str(EvCard.get(EvCard.id_tag == "SECOND").id))
    assert '"id_tag":"SECOND"' in starts()[0].arguments


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("Faulted", "This connector is out of order."),
        ("Unavailable", "This connector is out of service."),
        ("Charging", "This connector is in use."),
        ("SuspendedEV", "This connector is in use."),
        ("Reserved", "This connector is reserved."),
    ],
)
def test_connector_refuses_in_words(ada: FlaskClient, bay: Charging, status: str, words: str) -> None:
    bay.status(status)
    assert words in main_of(ada)
    assert "hx-post" not in ada.get(PATH).text
    for htmx in (True, False):
        answer = press(ada, htmx=htmx)
        assert answer.status_code == 409
        assert words in text_of(answer.text)
    assert starts() == []


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("status", ["Preparing", "Finishing", "Available"])
def test_car_may_be_plugged_in_first(ada: FlaskClient, bay: Charging, status: str) -> None:
    bay.status(status)
    assert press(ada).status_code == 303
    assert len(starts()) == 1


@pytest.mark.usefixtures("bridge")
def test_charging_elsewhere_is_named(ada: FlaskClient, cast: Cast, bay: Charging) -> None:
    number = bay.start(cast.ada.id_tag, connector=2)
    page = ada.get(PATH).text
    assert "You are charging at Depot 7 already." in text_of(page)
    assert f'href="/sessions/{number}"' in page
    assert press(ada).status_code == 409


@pytest.mark.usefixtures("bridge")
def test_other_card_starts_beside_a_session(ada: FlaskClient, cast: Cast, bay: Charging) -> None:
    bay.start(cast.ada.id_tag, connector=2)
    administration.add_card(cast.ada.email, "SECOND", actor=ACTOR, now=now())
    assert re.search(r"<option[^>]*selected>Card ending in COND<", ada.get(PATH).text)
    assert press(ada).status_code == 303
    assert '"id_tag":"SECOND"' in starts()[0].arguments


@pytest.mark.usefixtures("bridge")
def test_start_elsewhere_is_named(ada: FlaskClient, bay: Charging) -> None:
    bay.status("Available", connector=2)
    press(ada, "/start/depot-7/2")
    page = ada.get(PATH).text
    assert "You are starting at Depot 7 already." in text_of(page)
    assert 'href="/start/depot-7/2"' in page
    assert press(ada).status_code == 409


@pytest.mark.usefixtures("bridge")
def test_others_are_only_in_use(ada: FlaskClient, cast: Cast, ingest: Ingest, bay: Charging) -> None:
    assert ingest.request_start("depot-7", 1, cast.ben.id, now()) is None
    page = ada.get(PATH).text
    assert "This connector is in use." in text_of(page)
    bay.start(cast.ben.id_tag)
    page = ada.get(PATH).text
    assert "This connector is in use." in text_of(page)
    assert not re.search(r"ben|BEN|#1|sessions/1", page)


@pytest.mark.usefixtures("bridge")
def test_own_tap_leads_to_the_session_and_anothers_is_said(
    ada: FlaskClient, cast: Cast, ingest: Ingest, bay: Charging
) -> None:
    press(ada)
    told(ingest, cast.depot_7.id, ACCEPTED)
    other = bay.start(cast.ben.id_tag)
    page = main_of(ada)
    assert "The charger accepted, but somebody else has begun to charge here meanwhile." in page
    assert "This connector is in use." in page
    bay.end(other, 2000)
    page = main_of(ada)
    assert "The charger accepted, but somebody else has begun to charge here meanwhile." in page
    assert "Plug in the car" not in page
    own = bay.start(cast.ada.id_tag)
    assert ada.get(PATH).location == f"/sessions/{own}"


@pytest.mark.both_databases
@pytest.mark.usefixtures("bridge")
def test_start_is_given_up(ada: FlaskClient, client: FlaskClient, cast: Cast, ingest: Ingest, bay: Charging) -> None:
    assert "/cancel" not in ada.get(PATH).text
    press(ada)
    assert 'hx-post="/start/depot-7/1/cancel"' in ada.get(PATH).text
    answer = press(ada, f"{PATH}/cancel")
    assert (answer.status_code, answer.location) == (303, PATH)
    assert "You gave up this start. It was not sent to the charger." in main_of(ada)
    Account.update(status="suspended").where(Account.id == cast.ada.id).execute()
    assert "You gave up" not in main_of(ada), "it says nothing of why none can be started now"
    Account.update(status="active").where(Account.id == cast.ada.id).execute()
    Command.update(requested_at=now() - timedelta(seconds=10)).execute()
    press(ada)
    told(ingest, cast.depot_7.id, ACCEPTED)
    page = main_of(ada)
    assert "Kept for you" in page
    assert "Free" not in page
    assert "You gave up this start. The charger cannot be told" in text_of(press(ada, f"{PATH}/cancel", htmx=True).text)
    assert "Plug in the car" not in main_of(ada)
    assert "Cancel" not in main_of(ada)
    number = bay.start(cast.ada.id_tag)
    assert ada.get(PATH).location == f"/sessions/{number}"
    assert press(ada, f"{PATH}/cancel", htmx=True).status_code == 200
    assert starts()[-1].state == "accepted"


@pytest.mark.usefixtures("bridge")
def test_nobody_gives_up_anothers_start(ada: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    assert ingest.request_start("depot-7", 1, cast.ben.id, now()) is None
    assert press(ada, f"{PATH}/cancel").status_code == 303
    assert starts()[0].state == "requested"
    assert press(ada, "/start/no/1/cancel").status_code == 404


def test_signed_out_gives_nothing_up(client: FlaskClient, bay: Charging) -> None:
    token = forms.token(client, "/sign-in")
    assert client.post(f"{PATH}/cancel", data={"csrf_token": token}).location.startswith("/sign-in")


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("open_", [direct], indirect=True)
@pytest.mark.parametrize("status", [AccountStatus.STOPPED, AccountStatus.SUSPENDED])
def test_account_ends_its_start(
    app: Flask, ada: FlaskClient, cast: Cast, ingest: Ingest, open_: Open, status: AccountStatus
) -> None:
    press(ada)
    told(ingest, cast.depot_7.id, ACCEPTED)
    phone = open_(StartTopic(cast.ada.id, cast.depot_7.id, "depot-7", 1), cast.ada)
    assert phone.shows("Plug in the car", in_="control")
    publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, cast.ada.email, status, actor=ACTOR, now=now())
    assert phone.shows(f"Your account is {status}", in_="control")
    page = main_of(ada)
    assert "This start is over. Do not plug in the car." in page
    assert "The charger waits" not in page


@pytest.mark.usefixtures("bridge")
def test_blocked_card_ends_its_start(ada: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    press(ada)
    told(ingest, cast.depot_7.id, ACCEPTED)
    administration.block_card(cast.ada.id_tag, actor=ACTOR, now=now())
    page = main_of(ada)
    assert "This start is over: its card is blocked. Do not plug in the car." in page
    assert "The charger waits" not in page


@pytest.mark.usefixtures("bridge")
def test_charger_goes_offline_after_it_accepted(ada: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    press(ada)
    told(ingest, cast.depot_7.id, ACCEPTED)
    assert "The charger is offline just now." not in main_of(ada)
    ingest.end_lease("bridge-of-tests", now())
    assert "It accepted before, so plugging in still makes sense" in main_of(ada)


@pytest.mark.usefixtures("bridge")
def test_second_failure_in_a_row_has_its_way_out(ada: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    for times in range(2):
        press(ada)
        told(ingest, cast.depot_7.id, CommandResult(RequestEvent.REJECTED, "Rejected"))
        assert ("Tap your card at the charger to start." in main_of(ada)) == (times == 1)
        Command.update(requested_at=now() - timedelta(seconds=10)).execute()


def test_car_that_has_charged_is_to_be_unplugged(ada: FlaskClient, bay: Charging) -> None:
    assert "still plugged in" not in main_of(ada)
    bay.status("Finishing")
    assert "The car that has charged here is still plugged in." in main_of(ada)


@pytest.mark.both_databases
def test_address_that_was_typed_leads_here(ada: FlaskClient) -> None:
    assert ada.get(f"{PATH}/").location == PATH
    assert ada.get("/start/Depot-7/1").location == PATH
    assert ada.get("/start/Depot-8/1").status_code == 404


def test_operator_without_a_card_is_led_to_the_charger(client: FlaskClient, cast: Cast, bay: Charging) -> None:
    forms.sign_in(client, cast.olga)
    page = client.get(PATH).text
    assert "You have no active card of your own." in text_of(page)
    assert "To the charger" in text_of(page)
    assert "To your cards" not in page


@pytest.mark.parametrize(
    "path", ["/start/depot-7/2", "/start/depot-7/0", "/start/depot-7/x", "/start/depot-7/99999999999", "/start/no/1"]
)
def test_nothing_there_is_said_kindly(ada: FlaskClient, path: str) -> None:
    for answer in (ada.get(path), press(ada, path), press(ada, path, htmx=True)):
        assert answer.status_code == 404
        assert "Charger not found" in answer.text
    assert ada.get(f"/live{path}").status_code == 404


def test_retired_is_not_there_and_blocked_is_out_of_service(ada: FlaskClient) -> None:
    Charger.update(status="blocked").execute()
    assert "This connector is out of service." in main_of(ada)
    assert press(ada).status_code == 409
    Charger.update(status="retired").execute()
    assert ada.get(PATH).status_code == 404
    assert press(ada).status_code == 404
    assert ada.get(f"/live{PATH}").status_code == 404
    assert starts() == []


def test_signed_out_gets_nothing(client: FlaskClient, bay: Charging) -> None:
    assert client.get(f"/live{PATH}").status_code == 401
    token = forms.token(client, "/sign-in")
    assert client.post(PATH, data={"csrf_token": token}).status_code == 302
    assert client.post(PATH).location.startswith("/sign-in")
    assert starts() == []


def test_names_are_escaped(ada: FlaskClient, cast: Cast) -> None:
    Charger.update(name="<script>alert(1)</script>").execute()
    Connector.update(status="<b>odd").execute()
    page = ada.get(PATH).text
    assert "<script>alert" not in page
    assert "<b>odd" not in page


@pytest.mark.parametrize("open_", [direct], indirect=True)
@pytest.mark.usefixtures("bridge")
def test_page_follows(app: Flask, cast: Cast, ingest: Ingest, bay: Charging, open_: Open) -> None:
    config = app.extensions[NAME].config
    other = Charging(ingest, add_charger(config, "depot-8", name="Depot 8"))
    phone, desk = (open_(StartTopic(cast.ada.id, cast.depot_7.id, "depot-7", 1), cast.ada) for _ in range(2))
    ben = open_(StartTopic(cast.ben.id, cast.depot_7.id, "depot-7", 1), cast.ben)
    for page in (phone, desk, ben):
        assert page.shows("hx-post", in_="control")
    assert ingest.request_start("depot-7", 1, cast.ada.id, now()) is None
    assert phone.shows("sent to the charger", in_="control")
    assert desk.shows("sent to the charger", in_="control")
    assert ben.shows("This connector is in use.", in_="control")
    told(ingest, cast.depot_7.id, CommandResult(RequestEvent.REJECTED, "Rejected"))
    assert phone.shows(FAILED, in_="control")
    assert ben.shows("hx-post", in_="control")
    other.connect()
    number = other.start(cast.ada.id_tag)
    bay.status("Preparing")
    assert desk.shows("You are charging at Depot 8 already.", in_="control")
    other.end(number, 2000)
    assert desk.shows("in <span", in_="control")
    bay.status("Faulted")
    assert phone.shows("This connector is out of order.", in_="control")
    publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, cast.ada.email, AccountStatus.STOPPED, actor=ACTOR, now=now())
    assert phone.shows("Your account is stopped", in_="control")
