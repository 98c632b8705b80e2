"""A charger's page by plain HTTP: what it shows of the charger, its sessions and its messages, and who may see it."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from polaris import administration
from polaris.administration import charger_security
from polaris.config import Config
from polaris.domain.enums import Alarm
from polaris.domain.facts import (
    ChargerBooted,
    ChargerClockChanged,
    ChargerDisconnected,
    ChargerNotified,
    ConnectorStatusChanged,
)
from polaris.ocpp_log import tail
from polaris.ocpp_log.files import IN, OUT
from polaris.services import NAME
from polaris.web.chargers import alarm_text, queries
from tests.support import cast as cast_
from tests.support import forms
from tests.support.cast import Cast, now
from tests.support.charging import Charging
from tests.support.frames import FrameLog
from tests.support.ocmf_vectors import KEBA

EVIL = "<img src=x onerror=alert(1)>\r\n\r\ndata: <script>alert(2)</script>\"'"


@pytest.fixture
def log(settings: dict[str, str], cast: Cast) -> FrameLog:
    return FrameLog(Path(settings["FRAMES_DIR"]), cast.depot_7.identity)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


def page(client: FlaskClient, path: str = "/fleet/depot-7") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return text_of(answer.text)


@pytest.mark.both_databases
def test_charger_and_connectors(olga: FlaskClient, charging: Charging) -> None:
    base = {"charger_id": charging.charger.id, "received_at": now()}
    boot = ChargerBooted(vendor="Acme", model="Fast 2", serial="S-1", firmware="1.2.3", **base)
    fault = ConnectorStatusChanged(
        connector=2, status="Faulted", error_code="GroundFailure", info="relay 3", at=now(), **base
    )
    charging.ingest.store([boot], now())
    charging.ingest.store([fault], now())
    charging.status("SuspendedEV")
    charging.status("Available", connector=0)
    shown = page(olga)
    for words in ("Depot 7", "Online", "Last contact", "depot-7", "OCPP 1.6", "Acme Fast 2", "1.2.3", "S-1", "Main"):
        assert words in shown
    assert "Connector 1 Paused by the car SuspendedEV" in shown
    assert "Connector 2 Out of order Faulted Fault: GroundFailure relay 3" in shown
    assert "The charger itself In service Available" in shown
    assert "NoError" not in shown


def test_meter_key(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    assert "Meter key none" in page(olga)
    publisher = app.extensions[NAME].publisher
    administration.set_meter_keys(publisher, cast.depot_7.identity, [KEBA.key], actor="tests", now=now())
    assert "Meter key entered: a311 ca69 2295 0a95" in page(olga)


@pytest.mark.both_databases
@pytest.mark.field(134)
def test_settings_listed(olga: FlaskClient, charging: Charging) -> None:
    assert "Settings The charger has reported none yet." in page(olga)
    base = {"charger_id": charging.charger.id, "received_at": now(), "topic": "NotifyReport", "request": "7"}
    for part in range(2):
        data = [
            {
                "component": {"name": "EVSE", "evse": {"id": 1, "connectorId": part}},
                "variable": {"name": f"Limit{part}"},
                "variableAttribute": [{"value": EVIL, "mutability": "ReadOnly"}],
                "variableCharacteristics": {"unit": "W", "maxLimit": 22000},
            }
        ]
        fact = ChargerNotified(part=part, raw={"tbc": part == 0, "reportData": data}, **base)
        charging.ingest.store([fact], now())
        html = olga.get("/fleet/depot-7").text
        assert ("The list is incomplete" in html) is (part == 0)
    shown = text_of(html)
    assert "2 settings as the charger reported them:" in shown
    assert "EVSE EVSE 1 Limit0" in shown
    assert "EVSE EVSE 1, connector 1 Limit1" in shown
    assert "at most 22000 W read only" in shown
    assert "<script>alert(2)" not in html


@pytest.mark.both_databases
@pytest.mark.field(134)
def test_greatest_power(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    assert "Greatest power 400 kW assumed" in page(olga)
    charging.status("Available", connector=0)
    charging.status("Available")
    reported = ChargerNotified(
        charger_id=charging.charger.id, received_at=now(), topic="NotifyReport", request="1", max_power_w={1: 150_000}
    )
    charging.ingest.store([reported], now())
    shown = page(olga)
    assert "Greatest power As its connectors report" in shown
    assert "At most 150 kW, as it reports" in shown
    charging.status("Available", connector=2)
    assert "Greatest power 400 kW assumed" in page(olga)
    administration.set_max_power("depot-7", Decimal("22.5"), actor=cast_.ACTOR, now=now())
    assert "Greatest power At most 22.5 kW per connector" in page(olga)


def test_offline_charger(app: Flask, olga: FlaskClient, charging: Charging) -> None:
    charging.status("Charging")
    app.extensions[NAME].ingest.end_lease("bridge-of-tests", now())
    shown = page(olga)
    assert "Depot 7 Offline" in shown
    assert "this is what it said last" in shown


@pytest.mark.both_databases
def test_charger_never_connected(olga: FlaskClient, cast: Cast, log: FrameLog) -> None:
    log.directory.mkdir()
    shown = page(olga)
    assert "Offline" in shown
    assert shown.count("It has never connected") == 1
    assert "None: it has never connected." in shown
    assert "The charger has said nothing of its connectors yet." in shown
    assert "No sessions yet." in shown
    assert "No session is in progress." in shown


@pytest.mark.both_databases
def test_running_and_past_sessions(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    past = charging.start(cast.ada.id_tag)
    charging.end(past, 8000)
    running = [charging.start(cast.ada.id_tag, connector=1), charging.start(cast.ben.id_tag, connector=2)]
    charging.meter(running[0], 3000, power_w=7000)
    html = olga.get("/fleet/depot-7").text
    shown = text_of(html)
    assert "2 sessions are in progress." in shown
    for number in (past, *running):
        assert f'href="/sessions/{number}"' in html
    for number in running:
        assert f'formaction="/sessions/{number}/stop_requests"' in html
        assert html.count(f'id="session-{number}-stop-button"') == 1
    assert shown.count("Stop charging") == 2
    assert cast.ada.email in shown
    assert shown.index(f"Session #{running[1]}") < shown.index(f"Session #{past} Completed")
    assert html.count('name="csrf_token"') == 3  # signing out, one for all the stop buttons, one for all the dry runs


@pytest.mark.both_databases
def test_sessions_of_another_charger_absent(
    app: Flask, olga: FlaskClient, cast: Cast, charging: Charging, config
) -> None:
    other = Charging(app.extensions[NAME].ingest, cast_.add_charger(config, "depot-8"))
    ended = other.start(cast.ada.id_tag)
    other.end(ended, 2000)
    running = other.start(cast.ben.id_tag)
    html = olga.get("/fleet/depot-7").text
    assert f"/sessions/{ended}" not in html
    assert f"/sessions/{running}" not in html
    assert f"/sessions/{running}" in olga.get("/fleet/depot-8").text


@pytest.mark.both_databases
def test_past_sessions_paginated(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    numbers = []
    for _ in range(25):
        numbers.append(charging.start(cast.ada.id_tag))
        charging.end(numbers[-1], 2000)
    html = olga.get("/fleet/depot-7").text
    older = re.search(r'href="(/fleet/depot-7\?before=\d+)#', html)
    assert older
    assert [int(n) for n in re.findall(r'id="session-(\d+)-row"', html)] == numbers[:4:-1]
    html = olga.get(older[1]).text
    assert [int(n) for n in re.findall(r'id="session-(\d+)-row"', html)] == numbers[4::-1]
    assert f"/live/chargers/depot-7?before={numbers[5]}" in html
    assert "Newest sessions" in html
    assert "Older sessions" not in html


def test_stop_returns_to_charger_page(olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    numbers = [charging.start(cast.ada.id_tag, connector=1), charging.start(cast.ben.id_tag, connector=2)]
    asked_on = {"/fleet/depot-7": "/fleet/depot-7", "//evil.example": f"/sessions/{numbers[1]}"}
    for number, (next_, location) in zip(numbers, asked_on.items(), strict=True):
        answer = forms.post(olga, f"/sessions/{number}/stop_requests", page="/fleet/depot-7", next=next_)
        assert (answer.status_code, answer.location) == (303, location)
    shown = page(olga)
    assert shown.count("Charger could not stop the session. Please try again.") == 2  # nobody holds it in this test
    assert shown.count("The charger is offline") == 2


def test_messages_in_words_and_raw(olga: FlaskClient, charging: Charging, log: FrameLog) -> None:
    log.opened()
    log.said("Heartbeat", {}, {"currentTime": "2026-11-23T12:00:00Z"})
    log.said("StatusNotification", {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"}, {})
    log.write(IN, json.dumps([2, "x", "MeterValues", {}]))
    log.write(OUT, json.dumps([4, "x", "OccurenceConstraintViolation", "connectorId is missing.", {}]))
    log.asked("RemoteStopTransaction", {"transactionId": 123}, {"status": "Rejected"})
    log.asked("Reset", {"type": "Soft"})
    log.said("AcmeSpecial", {"secret": "***"}, {})
    html = olga.get("/fleet/depot-7").text
    shown = text_of(html)
    said = [
        "From the charger: AcmeSpecial",
        "To the charger: Asked to restart: Soft no answer yet",
        "To the charger: Asked to stop session 123 Rejected",
        "From the charger: Meter reading refused: OccurenceConstraintViolation (connectorId is missing.)",
        "From the charger: Connector 1: Faulted (GroundFailure)",
        "From the charger: Heartbeat",
        "Connected with OCPP 1.6",
    ]
    places = [shown.index(words) for words in said]
    assert places == sorted(places)  # the newest first
    assert '<pre>[2, "x", "MeterValues", {}]</pre>' in html
    assert html.count('data-kind="') == len(said)
    assert html.count('data-kind="to_charger" data-status="bad"') == 1
    assert html.count('data-kind="from_charger" data-status="bad"') == 2


def test_unreadable_messages_unavailable(
    app: Flask, olga: FlaskClient, charging: Charging, log: FrameLog, make_app: Callable[..., Flask], cast: Cast
) -> None:
    assert "Unavailable: there is no log" in page(olga)  # no directory
    log.directory.mkdir()
    assert "Unavailable: there is no log" in page(olga)  # another machine has what was heard
    hour_ago_us = time.time_ns() // 1000 - 3_600_000_000
    log.write(IN, '[2,"1","Heartbeat",{}]', at_us=hour_ago_us)
    shown = page(olga)
    assert "The newest are unavailable" in shown
    assert "Heartbeat" in shown
    log.said("Heartbeat", {})
    assert "unavailable" not in page(olga).lower()
    log.directory.chmod(0)
    try:
        assert "navailable" in page(olga) or _is_root()
    finally:
        log.directory.chmod(0o700)
    shutil.rmtree(log.directory)
    assert "Unavailable: there is no log" in page(olga)
    without = make_app(FRAMES_MB="0").test_client()
    forms.sign_in(without, cast.olga)
    assert "Unavailable: there is no log" in page(without)


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


def test_search_short_of_log_start(
    olga: FlaskClient, charging: Charging, log: FrameLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MAX_SEARCHED_BYTES", 300_000)
    other = FrameLog(log.directory, "busy")
    for _ in range(10):
        other.said("DataTransfer", {"data": "x" * 100_000})
    log.said("Heartbeat", {})
    shown = page(olga)
    assert "Heartbeat" in shown
    assert "Older ones were not looked for. The log was searched back to" in shown


@pytest.mark.field(105)
def test_charger_text_escaped(olga: FlaskClient, charging: Charging, log: FrameLog) -> None:
    base = {"charger_id": charging.charger.id, "received_at": now()}
    boot = ChargerBooted(vendor=EVIL, model=EVIL, serial=EVIL, firmware=EVIL, **base)
    fault = ConnectorStatusChanged(connector=1, status=EVIL, error_code=EVIL, info=EVIL, at=now(), **base)
    charging.ingest.store([boot], now())
    charging.ingest.store([fault], now())
    log.said("BootNotification", {"chargePointVendor": EVIL, "chargePointModel": "\ud800", "firmwareVersion": "\0"})
    log.said(EVIL, {})
    log.said("StatusNotification", {"connectorId": 1, "status": EVIL, "info": EVIL})
    log.write(IN, EVIL)
    log.write(IN, "[" * 100_000)
    log.write(IN, f'[2,"{EVIL}",' + "9" * 5000 + "]")
    log.write(IN, json.dumps([2, "long", "DataTransfer", {"data": "x" * 100_000}]))
    html = olga.get("/fleet/depot-7").text
    assert "<img" not in html
    assert "<script>alert" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "Something that is no OCPP message" in html
    assert "Message of the maker" in html  # cut, and still known by its beginning
    assert "x" * 701 not in html
    assert len(html) < 60_000
    (section,) = re.findall(r'<section id="charger-\d+-messages".*?</section>', html, re.DOTALL)
    assert "\r" not in section
    assert "\0" not in section


def test_operators_only(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    for path in ("/fleet/depot-7", "/fleet/nobody"):
        answer = client.get(path)
        assert (answer.status_code, answer.location) == (302, f"/sign-in?next={path}")
        assert client.get(f"/live/chargers{path.removeprefix('/fleet')}").status_code == 401
    forms.sign_in(client, cast.ada)
    nowhere = client.get("/nothing/here")
    for path in ("/fleet/depot-7", "/fleet/nobody"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert forms.without_token(answer.text) == forms.without_token(nowhere.text)
        assert client.get(f"/live/chargers{path.removeprefix('/fleet')}").status_code == 404
        assert client.get(f"{path}/settings").status_code == 404


def test_unknown_charger(olga: FlaskClient, cast: Cast) -> None:
    for identity in ("nobody", "%00", "DEPOT-7", "depot-7%2Fx", "-"):
        assert olga.get(f"/fleet/{identity}").status_code == 404
        assert olga.get(f"/live/chargers/{identity}").status_code == 404


def test_any_identity_has_page_and_stream(olga: FlaskClient, cast: Cast, config: Config) -> None:
    charger = cast_.add_charger(config, "a+b|c@d=1*._-", name="Odd <b>")
    html = olga.get(f"/fleet/{quote(charger.identity)}").text
    assert "Odd &lt;b&gt;" in html
    stream, _count = re.findall(r'data-address="([^"]+)"', html)
    with olga.application.test_request_context(stream):
        assert request.view_args == {"identity": charger.identity}


@pytest.mark.both_databases
@pytest.mark.field(118)
@pytest.mark.parametrize(
    ("offset_s", "words"),
    [
        (7199, "Its clock is 2 h ahead."),
        (150, "Its clock is 2 min ahead."),
        (90_000 * 2, "Its clock is 2 days ahead."),
        (-1_700_000_000, "Its clock is 19675 days behind."),
    ],
)
def test_wrong_clock_is_told(olga: FlaskClient, charging: Charging, offset_s: int, words: str) -> None:
    base = {"charger_id": charging.charger.id, "received_at": now()}
    charging.ingest.store([ChargerClockChanged(offset_s=offset_s, **base)], now())
    assert words in page(olga)
    charging.ingest.store([ChargerClockChanged(offset_s=0, **base)], now())
    assert "clock" not in page(olga)


@pytest.mark.both_databases
@pytest.mark.field(125)
def test_unanswered_pings_are_told(olga: FlaskClient, charging: Charging) -> None:
    def disconnected(answers_pings: bool | None) -> None:
        gone = ChargerDisconnected(
            charger_id=charging.charger.id, received_at=now(), connection_id="1", answers_pings=answers_pings
        )
        charging.ingest.store([gone], now())

    for answers_pings in (False, None, False, False):
        disconnected(answers_pings)
    told = "It does not answer pings (RFC 6455 obliges it) and was disconnected 3 times."
    assert told in page(olga)
    assert "Turn pings off" in page(olga)
    disconnected(answers_pings=True)
    assert not any(words in page(olga) for words in ("answer pings", "Turn pings off"))


@pytest.mark.field(125)
def test_charger_without_pings_is_told(olga: FlaskClient) -> None:
    administration.set_pings("depot-7", is_pinged=False, actor="tests", now=now())
    assert "It is not pinged" in page(olga)
    assert "RFC 6455" not in page(olga)


@pytest.mark.field(123)
@pytest.mark.parametrize(
    "identity", ["Depot 7 Nord", "Säule 1", "100%", "a?b#c", "%2F", "it's", '<b>"&', " a ", "a\\b", "a;b"]
)
def test_page_of_identity_of_any_characters(olga: FlaskClient, config: Config, identity: str) -> None:
    cast_.add_charger(config, identity, name="The odd one")
    (url,) = set(re.findall(r'href="(/fleet/[^"]+)">The odd one<', olga.get("/fleet").text))
    html = olga.get(unescape(url)).text
    assert "The odd one" in text_of(html)
    (stream,) = map(unescape, set(re.findall(r'"(/live/chargers/[^"]+)"', html)))
    assert unquote(stream) == f"/live/chargers/{identity}"
    assert olga.head(stream).status_code == 200


@pytest.mark.both_databases
def test_alarms_and_admission(olga: FlaskClient, app: Flask, charging: Charging) -> None:
    base = {"charger_id": charging.charger.id, "raw": {}}
    for alarm, at in ((Alarm.WRONG_KEYS, now()), (Alarm.VOLUME, now() - queries.ALARM_AGE)):
        charging.ingest.store([ChargerNotified(topic=alarm, received_at=at, **base)], now())
    shown = page(olga)
    assert "Somebody tries to connect as this charger with a wrong key." in shown
    assert "messages have to wait" not in shown
    assert "unblock" not in shown
    publisher = app.extensions[NAME].publisher
    for verb, words in ((charger_security.block, "It is blocked"), (charger_security.retire, "It is retired")):
        verb(publisher, "depot-7", actor=cast_.ACTOR, now=now())
        shown = page(olga)
        assert words in shown
        assert "Unblock it to let it in again." in shown


def test_each_alarm_has_words(app: Flask) -> None:
    with app.test_request_context():
        assert len({alarm_text.alarm(alarm) for alarm in Alarm}) == len(Alarm)
