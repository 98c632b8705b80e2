"""What is known of a session's figures stands on its page in plain words, and what operators do about stuck ones."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris.domain.data_quality import Note
from polaris.domain.enums import StopState
from polaris.domain.facts import Report, SessionReported
from polaris.models import AuditEntry, Charger, ChargingSession, SessionNote, StopRequest
from polaris.rendering import filters
from polaris.web.sessions import fragments
from polaris.web.sessions import queries as session_queries
from tests.support import forms
from tests.support.cast import Cast, now
from tests.support.charging import Charging


def notes_on(html: str) -> list[str]:
    return re.findall(r'<li data-note="([a-z_]+)">', html)


def test_final_figure_below_readings_noted(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 5000)
    assert notes_on(client.get(f"/sessions/{number}").text) == []
    charging.end(number, 10)
    page = client.get(f"/sessions/{number}").text
    assert notes_on(page) == ["final_below_readings"]
    assert "The final meter figure was below the figures before it" in page
    with app.test_request_context():
        seen = session_queries.session_view(number, now(), timedelta(seconds=150))
        assert seen is not None
        assert fragments.session(seen)[f"session-{number}-live"] in page


def test_every_note_in_words(app: Flask, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    SessionNote.insert_many([{"session": number, "kind": note, "at": now()} for note in Note]).execute()
    with app.test_request_context():
        seen = session_queries.session_view(number, now(), timedelta(seconds=150))
        assert seen is not None
        html = fragments.session(seen)[f"session-{number}-live"]
        words = [filters.note(note) for note in Note]
    assert len(set(words)) == len(Note)
    assert notes_on(html) == [note for note in Note if note is not Note.CLOSED_BY_OPERATOR]


@pytest.mark.both_databases
@pytest.mark.field(80, 82)
def test_session_source_noted(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    event = SessionReported(
        charger_id=cast.depot_7.id,
        received_at=now(),
        raw={"seqNo": 4},
        transaction_id="tx-1",
        seq_no=4,
        report=Report.UPDATED,
        at=now(),
        connector=1,
        id_tag=cast.ada.id_tag,
        status="Charging",
        reason="Local",
        is_offline=True,
        readings=(),
    )
    (told,) = charging.ingest.store([event], now())
    assert told is not None
    page = client.get(f"/sessions/{told.number}").text
    assert notes_on(page) == ["replayed_offline", "start_never_came"]
    assert "The charger was offline for a while and sent some of this later." in page
    assert "message about the start has not come; the session was made from a later one." in page


@pytest.mark.field(91)
def test_stop_waiting_for_unplugging(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    number = charging.start(cast.ada.id_tag)
    charging.status("EVConnected")
    assert "Charging has stopped" not in client.get(f"/sessions/{number}").text
    request = StopRequest.create(
        session=number,
        account=cast.ada.id,
        state=StopState.ACCEPTED,
        requested_at=now(),
        decided_at=now(),
        deadline_at=now() + timedelta(minutes=1),
    )
    for state in (StopState.ACCEPTED, StopState.OVERDUE):
        StopRequest.update(state=state).where(StopRequest.id == request.id).execute()
        page = client.get(f"/sessions/{number}").text
        assert "Charging has stopped. The session ends when the car is unplugged." in page
        assert "hx-post" not in page
        assert 'data-status="unplug"' in page
    charging.status("Charging")
    assert "Charging has stopped" not in client.get(f"/sessions/{number}").text


@pytest.mark.both_databases
@pytest.mark.field(89)
def test_stuck_sessions_listed_and_closed(app: Flask, client: FlaskClient, cast: Cast, charging: Charging) -> None:
    run = app.test_cli_runner().invoke
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 5000)
    assert "No session is stuck." in run(args=["session", "stuck"]).output
    assert "Nothing speaks for" in run(args=["session", "close", str(number)]).output
    charging.status("Available")
    listed = run(args=["session", "stuck"]).output
    assert f"Session {number}, depot-7 connector 1, 4.00 kWh" in listed
    assert "The charger reported the connector Available." in listed
    asked = run(args=["session", "close", str(number)])
    assert (asked.exit_code, f"Session {number}, Depot 7, connector 1, ada@example.com: ends at " in asked.output) == (
        1,
        True,
    )
    assert ChargingSession.get().state == "active"
    assert "closed as an estimate" in run(args=["session", "close", str(number), "--yes"]).output
    assert AuditEntry.get(AuditEntry.action == "session.closed").actor == "command line"
    forms.sign_in(client, cast.ada)
    page = client.get(f"/sessions/{number}").text
    assert "Closed without the charger&#39;s own figures" in page or "Closed without the charger's own figures" in page
    assert notes_on(page) == ["closed_by_operator"]
    charging.end(number, 6000)
    page = client.get(f"/sessions/{number}").text
    assert "Closed without" not in page
    assert notes_on(page) == []
    assert "5.00" in page
    again = run(args=["session", "close", str(number)])
    assert (again.exit_code, again.output) == (1, f"Error: Session {number} has ended already.\n")


@pytest.mark.both_databases
def test_form_shows_what_closing_makes_of_it(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 5000)
    forms.sign_in(client, cast.olga)
    path = f"/actions/session/close?number={number}"
    assert "Nothing speaks for session" in client.get(path).text
    charging.status("Available")
    shown = client.get(path).text
    for words in (
        f"Close session {number} as an estimate?",
        "reported the connector Available.",
        f"Session {number}, Depot 7, connector 1, {cast.ada.email}: ends at ",
        "its last reading, with 4.00 kWh, 1.92 EUR",
    ):
        assert words in shown
    charging.meter(number, 6000)  # it goes on
    charging.status("Available")
    again = client.post("/actions/session/close", data=forms.fields(shown))
    assert (again.status_code, "with 5.00 kWh, 2.40 EUR" in again.text) == (409, True)
    assert client.post("/actions/session/close", data=forms.fields(again.text)).status_code == 303
    assert (ChargingSession.get().state, ChargingSession.get().energy_wh) == ("estimated", 5000)
    assert client.post("/actions/session/close", data=forms.fields(again.text)).status_code == 303
    assert AuditEntry.select().where(AuditEntry.action == "session.closed").count() == 1


@pytest.mark.parametrize("number", ["x", "0", "-1", "9" * 30, "\u0663"])
def test_form_of_no_session(client: FlaskClient, cast: Cast, number: str) -> None:
    forms.sign_in(client, cast.olga)
    page = client.get("/actions/session/close", query_string={"number": number})
    assert (page.status_code, f"There is no session {number}." in page.text) == (200, True)


@pytest.mark.both_databases
@pytest.mark.field(29)
def test_operator_sets_charger_unit(app: Flask, cast: Cast) -> None:
    run = app.test_cli_runner().invoke
    for unit, kept in (("kWh", "kWh"), ("as-sent", "")):
        assert run(args=["charger", "unit", "depot-7", unit]).exit_code == 0
        assert Charger.get(Charger.identity == "depot-7").energy_unit == kept
    assert "There is no charger nobody" in run(args=["charger", "unit", "nobody", "Wh"]).output
    assert AuditEntry.select().where(AuditEntry.action == "charger.unit_set").count() == 2


@pytest.mark.field(105)
def test_charger_text_escaped(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    forms.sign_in(client, cast.ada)
    number = charging.start(cast.ada.id_tag)
    charging.status("<script>alert(1)</script>")
    charging.end(number, 6000, reason="<img src=x onerror=alert(2)>\r\ndata: forged")
    page = client.get(f"/sessions/{number}").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
