"""Home by plain HTTP: what a driver finds there, and who is led elsewhere or refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import administration, models
from polaris.domain.enums import AccountStatus, ConnectorStatus, RequestEvent
from polaris.ingest import CommandResult
from polaris.models import Charger, ChargingSession, Command, EvCard
from polaris.pubsub import RequestKind
from polaris.services import NAME
from polaris.web.home import queries, view
from polaris.web.home.bars import Period
from polaris.web.home.view import Free
from tests.support import cast as cast_
from tests.support import forms, plans
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.listening import listening

pytestmark = pytest.mark.both_databases


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def shown(client: FlaskClient, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return text_of(answer.text)


def test_drivers_land_on_home(client: FlaskClient, cast: Cast) -> None:
    assert forms.try_sign_in(client, cast.ada.email, cast.ada.password).location == "/"
    page = client.get("/").text
    assert re.findall(r'class="nav__link"\s+href="([^"]+)"', page) == ["/", "/sessions", "/cards", "/account"]


def test_operators_land_on_the_fleet(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.olga)
    assert client.get("/").location == "/fleet"
    for address in ("/live/home?once", "/live/home/chargers/1?once"):
        assert client.get(address).status_code == 404


def test_visitors_sign_in_first(client: FlaskClient, cast: Cast) -> None:
    assert client.get("/").location == "/sign-in"
    for address in ("/live/home?once", "/live/home/chargers/1?once"):
        assert client.get(address).status_code == 401


def test_running_session_has_its_figures_and_its_stop(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 13_340, power_w=10_900)
    forms.sign_in(client, cast.ada)
    page = shown(client)
    for words in ("Depot 7", "In progress", "12.34 kWh", "10.9 kW", "€5.92", "Stop charging"):
        assert words in page
    stopped = forms.post(client, f"/sessions/{number}/stop_requests", page="/", next="/")
    assert stopped.location == "/"


def test_start_under_way_has_its_banner(
    app: Flask, client: FlaskClient, cast: Cast, charging: Charging, redis_url: str
) -> None:
    ingest = app.extensions[NAME].ingest
    charging.status("Available")
    forms.sign_in(client, cast.ada)
    assert "Starting at Depot 7" not in shown(client)
    with listening(redis_url, "depot-7"):
        assert ingest.request_start("depot-7", 1, cast.ada.id, now()) is None
    with models.database.connection_context():
        (row,) = Command.select()
    assert "Starting at Depot 7 Connector 1 Sent to the charger." in shown(client)
    assert 'href="/start/depot-7/1"' in client.get("/live/home?once").text
    ingest.claim(RequestKind.COMMAND, row.id, cast.depot_7.id, "1", now())
    ingest.record(RequestKind.COMMAND, row.id, CommandResult(RequestEvent.ACCEPTED, "Accepted"), now())
    assert re.search(r"Plug in the car\. The charger waits (3:00|2:5\d) longer\.", shown(client))
    ingest.give_up_start("depot-7", 1, cast.ada.id, now())
    assert "Starting at Depot 7" not in shown(client)


def test_ben_sees_nothing_of_ada(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 13_340, power_w=10_900)
    forms.sign_in(client, cast.ben)
    for page in (client.get("/").text, client.get("/live/home?once").text):
        assert "12.34" not in page
        assert f"/sessions/{number}" not in page


def test_last_five_sessions_and_the_bars(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    numbers = []
    for _ in range(6):
        numbers.append(charging.start(cast.ada.id_tag))
        charging.end(numbers[-1], 1500)
    forms.sign_in(client, cast.ada)
    before = client.get("/").text
    app.extensions[NAME].ingest.add_up_days(now())
    page = client.get("/").text
    assert page.count("bars__path") == before.count("bars__path") == 2
    assert [int(number) for number in re.findall(r"session-(\d+)-row", page)] == numbers[:0:-1]
    for words in ("3.00 kWh", "€1.44", "Energy in kWh", "Cost in EUR", "Show as a table"):
        assert words in text_of(page)
        assert words in text_of(before)
    assert "The last 12 months" in shown(client, "/?by=month")


def test_energy_that_is_not_known_is_said(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 1500)
    with models.database.connection_context():
        ChargingSession.update(energy_wh=None).where(ChargingSession.number == number).execute()
    forms.sign_in(client, cast.ada)
    assert "The energy of 1 session is not known" in shown(client)


def test_first_sign_in(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    assert "No sessions yet. Tap your card at a charger" in shown(client)
    with models.database.connection_context():
        EvCard.delete().execute()
    assert "Your first card comes from the operator" in shown(client)


def test_connectors_with_their_start(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    for number, status in enumerate(("Available", "Preparing", "Charging", "Reserved", "Faulted"), start=1):
        charging.status(status, connector=number)
    forms.sign_in(client, cast.ada)
    page = client.get("/").text
    for words in ("Free", "Car plugged in", "In use", "Reserved", "Out of order"):
        assert words in text_of(page)
    assert re.findall(r'href="/start/depot-7/(\d)"', page) == ["1", "2", "4"]
    with models.database.connection_context():
        Charger.update(connection_id=None).execute()
    assert "Offline" in shown(client)
    assert "/start/" not in client.get("/").text


@pytest.mark.parametrize("status", ["", *ConnectorStatus, "Odd"])
def test_each_state_of_a_connector(status: str) -> None:
    is_free = view.free(status, is_online=True, is_blocked=False, has_session=False)
    assert view.free(status, is_online=False, is_blocked=False, has_session=False) is Free.OFFLINE
    assert view.free(status, is_online=True, is_blocked=True, has_session=False) is Free.OUT_OF_SERVICE
    busy = view.free(status, is_online=True, is_blocked=False, has_session=True)
    assert busy is (is_free if is_free in (Free.OUT_OF_ORDER, Free.OUT_OF_SERVICE) else Free.IN_USE)
    assert (is_free is Free.OUT_OF_SERVICE) == (status == ConnectorStatus.UNAVAILABLE)


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.STOPPED])
def test_account_that_may_not_start(app: Flask, client: FlaskClient, cast: Cast, status: AccountStatus) -> None:
    forms.sign_in(client, cast.ada)
    assert "you cannot start a session" not in shown(client)
    administration.set_account_status(app.extensions[NAME].publisher, cast.ada.email, status, actor=ACTOR, now=now())
    words = f"Your account is {status}, so you cannot start a session. What this means"
    assert words in shown(client)
    assert words in text_of(client.get("/live/home?once").text)


def test_site_is_where_the_driver_charged_last(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    administration.set_site("Annex", time_zone="UTC", actor=ACTOR, now=now())
    forms.sign_in(client, cast.ada)
    assert "There are no chargers here yet." in shown(client)  # Annex, which comes before Main
    charging.end(charging.start(cast.ada.id_tag), 1500)
    assert "Depot 7" in shown(client)
    assert "There are no chargers here yet." in shown(client, "/?site=Annex")


def test_large_site_has_pages(app: Flask, client: FlaskClient, cast: Cast) -> None:
    for index in range(10, 10 + queries.CHARGER_ROWS):
        cast_.add_charger(app.extensions[NAME].config, f"bay-{index}", name=f"Bay {index}")
    forms.sign_in(client, cast.ada)
    first = client.get("/").text
    assert "Depot 7" not in text_of(first)
    (link,) = re.findall(r'href="(/\?[^"]*after=\d+)"', first)
    assert "Depot 7" in shown(client, link.replace("&amp;", "&"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("by=year", "The figures are by day, week or month."),
        ("site=Nowhere", "There is no site Nowhere."),
        ("site=%00", "This has a character that cannot be looked for."),
        ("by=day&by=week", "The filter has by twice."),
        ("colour=red", "It is not possible to filter by colour."),
    ],
)
def test_bad_filter_is_said_above_what_is_shown_anyway(client: FlaskClient, cast: Cast, query: str, words: str) -> None:
    forms.sign_in(client, cast.ada)
    answer = client.get(f"/?{query}")
    page = text_of(answer.text)
    assert answer.status_code == 422
    assert words in page
    assert "Depot 7" in page
    assert "nothing was looked for" not in page
    assert ">Nowhere<" not in answer.text


def test_newcomer_has_no_figures(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    page = text_of(client.get("/").text)
    assert "start at one here" in page
    assert "0.00 kWh" not in page
    charging.start(cast.ada.id_tag)
    page = text_of(client.get("/").text)
    assert "No finished sessions yet." in page
    assert "No sessions yet" not in page


@pytest.mark.parametrize("query", ["after=x", "after=99999999999", "after=-1", "after=4711"])
def test_page_that_is_none_is_the_first(client: FlaskClient, cast: Cast, query: str) -> None:
    forms.sign_in(client, cast.ada)
    assert "Depot 7" in shown(client, f"/?{query}")


def test_stream_of_a_site_that_is_none(client: FlaskClient, cast: Cast) -> None:
    forms.sign_in(client, cast.ada)
    assert client.get("/live/home/chargers/4711?once").status_code == 404


def test_home_is_found_by_indexes(cast: Cast, charging: Charging) -> None:
    charging.end(charging.start(cast.ada.id_tag), 1500)
    charging.start(cast.ada.id_tag)
    with plans.executed() as statements:
        for period in Period:
            queries.show(cast.ada.id, period, now())
        queries.chargers(1, None, Period.DAY, now() + timedelta(hours=1))
    assert plans.full_scans(statements) == []
