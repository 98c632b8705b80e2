"""A charger's messages in plain words: each with its answer, whatever it is made of, and nothing of it is believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from ocpp_bridge.versions.v2 import handlers_v21
from ocpp_bridge.versions.v2 import notifications as v2
from ocpp_bridge.versions.v16 import notifications as v16
from polaris.ocpp_log.exchange import Exchange, Kind, exchanges
from polaris.ocpp_log.files import CLOSE, IN, OPEN, OUT, Line
from polaris.ocpp_log.message import parse
from polaris.web.chargers.message_text import is_bad, outcome, raw, sentence

KWH = {"value": "12.34", "unit": "kWh"}
W = {"value": "7200", "measurand": "Power.Active.Import", "unit": "W"}
SOC = {"value": 44, "measurand": "SoC"}
VALUES = [{"timestamp": "x", "sampledValue": [KWH, W, SOC]}]
SCALED = [{"sampledValue": [{"value": 1.234, "unitOfMeasure": {"unit": "Wh", "multiplier": 4}}]}]
ENDED_2X = {"eventType": "Ended", "evse": {"id": 1}, "transactionInfo": {"stoppedReason": "Remote"}, "offline": True}
PAUSED_2X = {"eventType": "Updated", "transactionInfo": {"chargingState": "SuspendedEV"}, "meterValue": SCALED}


@pytest.fixture(scope="module", autouse=True)
def _words() -> Iterator[None]:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        yield


def exchange(kind: Kind, action: str, payload: object, answer: list[object] | None = None) -> Exchange:
    frame = json.dumps([2, "1", action, payload])
    answer_frame = "" if answer is None else json.dumps(answer)
    return Exchange("1", 0, kind, frame, parse(frame), answer and parse(answer_frame), answer_frame)


@pytest.mark.parametrize(
    ("action", "payload", "words"),
    [
        ("Heartbeat", {}, "Heartbeat"),
        ("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Z"}, "Started up: Acme Z"),
        (
            "BootNotification",
            {"chargingStation": {"vendorName": "Acme", "model": "Z", "firmwareVersion": "1.2"}},
            "Started up: Acme Z, firmware 1.2",
        ),
        (
            "NotifyEvent",
            {"eventData": [{"variable": {"name": "AvailabilityState"}, "actualValue": "Occupied"}, {}]},
            "Events: AvailabilityState Occupied",
        ),
        (
            "MeterValues",
            {"connectorId": 1, "meterValue": VALUES},
            "Connector 1: Meter reading: 12.34 kWh, 7.2 kW, 44 %",
        ),
        ("MeterValues", {"evseId": 2, "meterValue": SCALED}, "Connector 2: Meter reading: 12.34 kWh"),
        ("MeterValues", {"meterValue": "nonsense"}, "Meter reading"),
        (
            "StatusNotification",
            {"connectorId": 0, "status": "Available", "errorCode": "NoError"},
            "The charger: Available",
        ),
        (
            "StatusNotification",
            {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"},
            "Connector 1: Faulted (GroundFailure)",
        ),
        (
            "StatusNotification",
            {"evseId": 1, "connectorId": 2, "connectorStatus": "Occupied"},
            "Connector 1001: Occupied",
        ),
        ("Authorize", {"idToken": {"idToken": "ADA", "type": "ISO14443"}}, "Card ADA was shown"),
        ("Authorize", {"idToken": {"idToken": "1234", "type": "KeyCode"}}, "Card 1234 (KeyCode) was shown"),
        (
            "StopTransaction",
            {"transactionId": 9, "meterStop": 12340, "reason": "EVDisconnected"},
            "Session 9 ended: EVDisconnected, 12.34 kWh",
        ),
        ("TransactionEvent", ENDED_2X, "Connector 1: Session ended: Remote, sent later"),
        ("TransactionEvent", PAUSED_2X, "Session goes on: SuspendedEV, 12.34 kWh"),
        ("TransactionEvent", {}, "Session"),
        ("DataTransfer", {"vendorId": "Acme", "messageId": "Ping"}, "Message of the maker's own: Acme, Ping"),
        ("NotifyReport", {"reportData": [{"variable": {"name": "Interval"}}, 7]}, "Report of its settings: Interval"),
        ("FirmwareStatusNotification", {"status": "Installing"}, "Firmware: Installing"),
        ("SecurityEventNotification", {"type": "TamperDetectionActivated"}, "Security event: TamperDetectionActivated"),
        ("AcmeSpecial", {"x": 1}, "AcmeSpecial"),
        ("", {}, "A message without a name"),
    ],
)
def test_call_from_charger(action: str, payload: dict[str, Any], words: str) -> None:
    assert sentence(exchange(Kind.FROM_CHARGER, action, payload)) == words


@pytest.mark.parametrize("action", sorted(v16.HANDLERS | v2.HANDLERS | handlers_v21.HANDLERS))
def test_every_kept_action_has_words(action: str) -> None:
    assert sentence(exchange(Kind.FROM_CHARGER, action, {})) not in ("", action)


@pytest.mark.parametrize(
    ("action", "payload", "words"),
    [
        ("RemoteStopTransaction", {"transactionId": 123}, "Asked to stop session 123"),
        ("RequestStopTransaction", {"transactionId": "tx-1"}, "Asked to stop session tx-1"),
        (
            "TriggerMessage",
            {"requestedMessage": "MeterValues", "connectorId": 2},
            "Connector 2: Asked to send: MeterValues",
        ),
        ("GetConfiguration", {"key": ["A", "B", 7]}, "Asked for its settings: A, B"),
        ("SetVariables", {"setVariableData": [{"variable": {"name": "X"}}]}, "Asked to change a setting: X"),
        (
            "RemoteStartTransaction",
            {"connectorId": 1, "idTag": "CARD", "chargingProfile": {"chargingProfileId": 1}},
            "Connector 1: Asked to start with card CARD, with a charging profile",
        ),
        ("Reset", {"type": "OnIdle", "evseId": 2}, "Connector 2: Asked to restart: OnIdle"),
        ("Reset", {"type": "Hard"}, "Asked to restart: Hard"),
        ("Unheard", {}, "Unheard"),
    ],
)
def test_call_to_charger(action: str, payload: dict[str, Any], words: str) -> None:
    assert sentence(exchange(Kind.TO_CHARGER, action, payload)) == words


@pytest.mark.parametrize(
    ("action", "answer", "words", "bad"),
    [
        ("Heartbeat", [3, "1", {}], "", False),
        ("Heartbeat", None, "no answer yet", False),
        ("Reset", [3, "1", {"status": "Accepted"}], "Accepted", False),
        ("Reset", [3, "1", {"status": "Rejected"}], "Rejected", True),
        ("Authorize", [3, "1", {"idTagInfo": {"status": "Invalid"}}], "Invalid", True),
        (
            "StartTransaction",
            [3, "1", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}],
            "session 7, Accepted",
            False,
        ),
        (
            "X",
            [4, "1", "NotImplemented", "There is no such action.", {}],
            "refused: NotImplemented (There is no such action.)",
            True,
        ),
        ("X", [4, "1", "", "", {}], "refused: ?", True),
    ],
)
def test_outcome(action: str, answer: list[object] | None, words: str, bad: bool) -> None:
    told = exchange(Kind.FROM_CHARGER, action, {}, answer)
    assert (outcome(told), is_bad(told)) == (words, bad)


def test_answer_paired_with_its_call() -> None:
    lines = [
        Line(1, "depot-7", "1", OPEN, "ocpp1.6"),
        Line(2, "depot-7", "1", IN, '[2,"a","Heartbeat",{}]'),
        Line(3, "depot-7", "1", OUT, '[2,"a","Reset",{}]'),  # the same id, the other way
        Line(4, "depot-7", "1", IN, '[3,"a",{"status":"Accepted"}]'),
        Line(5, "depot-7", "1", OUT, '[3,"a",{}]'),
        Line(5, "depot-7", "1", OUT, '[3,"nobody asked",{}]'),
        Line(5, "depot-7", "2", IN, '[4,"a","GenericError","",{}]'),  # another connection's
        Line(6, "depot-7", "1", CLOSE, ""),
    ]
    told = exchanges(lines)
    assert [(sentence(one), outcome(one)) for one in told] == [
        ("Connected with OCPP 1.6", ""),
        ("Heartbeat", ""),
        ("Asked to restart", "Accepted"),
        ("An answer to an earlier message", ""),
        ("A refusal of an earlier message: GenericError", ""),
        ("Connection ended", ""),
    ]
    assert len({one.key for one in told}) == len(told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
FIELDS = st.from_regex(
    r"connectorId|evse|evseId|id|status|errorCode|info|meterValue|sampledValue|value|unitOfMeasure|multiplier|idTag|"
    r"idToken|idTagInfo|transactionInfo|transactionId|chargingState|meterStart|meterStop|variable|name|offline",
    fullmatch=True,
)
PAYLOAD = st.recursive(JSON, lambda inner: st.dictionaries(FIELDS, inner | st.lists(inner, max_size=3)), max_leaves=20)
ACTIONS = st.from_regex(
    r"BootNotification|StatusNotification|StartTransaction|StopTransaction|MeterValues|TransactionEvent|NotifyReport|"
    r"GetConfiguration|DataTransfer|ReserveNow",
    fullmatch=True,
)


@pytest.mark.field(105)
@given(action=ACTIONS | st.text(), payload=PAYLOAD, answer=PAYLOAD, kind=st.sampled_from(Kind))
def test_any_message_fits_one_line(action: str, payload: Any, answer: Any, kind: Kind) -> None:
    told = exchange(kind, action, payload, [3, "1", answer])
    for words in (sentence(told), outcome(told), raw(told.frame)):
        assert len(words) < 1200
        assert len(words.splitlines()) <= 1
        words.encode()  # no half of a surrogate pair
    assert is_bad(told) in (True, False)


@pytest.mark.field(105)
@given(st.text() | st.sampled_from(['[2,"1","A"', "[" * 100_000, '[2,"1",{}]', "[3,1,{}]", '[true,"1",{}]', "[2]"]))
def test_invalid_frames(frame: str) -> None:
    (told,) = exchanges([Line(1, "depot-7", "1", IN, frame)])
    assert sentence(told)
    raw(frame).encode()


def test_truncated_frame() -> None:
    frame = json.dumps([2, "1", "NotifyReport", {"x": "y" * 20_000}])[:16_000]
    (told,) = exchanges([Line(1, "depot-7", "1", IN, frame)])
    assert sentence(told) == "Report of its settings"
    assert len(raw(frame)) < 1100
