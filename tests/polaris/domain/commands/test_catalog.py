"""What can be commanded: every kind survives its row, and nothing out of bounds comes in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from ocpp_bridge.versions.commands import CannotEncode, CommandEncoder
from ocpp_bridge.versions.v2.commands import COMMANDS_V21, COMMANDS_V201
from ocpp_bridge.versions.v16.commands import COMMANDS
from polaris.domain.arguments import Invalid
from polaris.domain.commands import catalog as kinds
from polaris.domain.commands import values
from polaris.domain.commands.catalog import KINDS, ChargerCommand
from polaris.ingest import ClaimedCommand
from polaris.ocpp_log.exchange import Exchange, Kind
from polaris.ocpp_log.message import parse
from polaris.web.chargers.message_text import sentence
from simulator.command_responses import RESPONSES_2, RESPONSES_16

AT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MANY = "x" * 100_000
PROFILE = {"id": 1, "purpose": "session", "unit": "W", "periods": [{"starts_s": 0, "limit": 11000}]}
ANSWERED_BY_STATE = ("GetTransactionStatus", "TriggerMessage")  # of the simulator's transactions, not from its tables
REQUIRED: dict[str, dict[str, Any]] = {
    "start": {"id_tag": "CARD"},
    "unlock": {"connector": 1},
    "availability": {"availability": "unavailable"},
    "trigger": {"message": "heartbeat"},
    "set-configuration": {"key": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"},
    "send-local-list": {"version": 1},
    "transfer-data": {"vendor_id": "ACME"},
    "set-charging-profile": {"profile": PROFILE, "connector": 1, "session": 5},
    "composite-schedule": {"connector": 0},
    "reserve": {"reservation": 1, "id_tag": "CARD", "until_at": AT.isoformat()},
    "cancel-reservation": {"reservation": 1},
    "update-firmware": {"address": "https://x.example/1", "at": AT.isoformat()},
    "get-log": {"address": "ftp://x.example/in"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_row_round_trip(kind: str) -> None:
    wanted = kinds.read(kind, REQUIRED.get(kind, {}))
    assert kinds.kind(wanted) == kind
    assert kinds.from_json(kind, kinds.to_json(wanted)) == wanted
    assert kinds.checked(wanted) == wanted
    assert json.loads(kinds.to_json(kinds.redacted(wanted))).keys() == json.loads(kinds.to_json(wanted)).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_refused(kind: str) -> None:
    with pytest.raises(Invalid, match="no field"):
        kinds.read(kind, REQUIRED.get(kind, {}) | {"surprise": 1})
    for name in REQUIRED.get(kind, {}):
        rest = {field: value for field, value in REQUIRED[kind].items() if field != name}
        with pytest.raises(Invalid, match=name):
            kinds.read(kind, rest)


def _call(encoder: CommandEncoder, claimed: ClaimedCommand) -> tuple[str, dict[str, object]]:
    try:
        return encoder.encode(claimed)
    except CannotEncode as refusal:
        if "has no such command" not in str(refusal):
            raise
        return "", {}


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_sent_answered_and_told(kind: str) -> None:
    """A version has a CALL for it, the simulator an answer to that, and the charger's page a sentence."""
    claimed = ClaimedCommand(1, kinds.read(kind, REQUIRED.get(kind, {})), 5, "abc", secret="a-secret")
    app, actions = Flask(__name__), []
    Babel(app)
    for encoder, responses in ((COMMANDS, RESPONSES_16), (COMMANDS_V201, RESPONSES_2), (COMMANDS_V21, RESPONSES_2)):
        action, payload = _call(encoder, claimed)
        if not action:
            continue
        actions.append(action)
        assert action in responses or action in ANSWERED_BY_STATE
        frame = json.dumps([2, "1", action, payload])
        with app.test_request_context():
            assert sentence(Exchange("1", 0, Kind.TO_CHARGER, frame, parse(frame), None, "")) != action
    assert actions


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("start", {"id_tag": ""}, "id_tag: Fill this in."),
        ("start", {"id_tag": "x" * 256}, "id_tag"),
        ("start", {"id_tag": "a\nb"}, "id_tag"),
        ("start", {"id_tag": "a", "connector": -1}, "connector: Type a whole number from 0 to 999999."),
        ("unlock", {"connector": 0}, "connector"),
        ("unlock", {"connector": 10**9}, "connector"),
        ("unlock", {"connector": True}, "connector"),
        ("set-configuration", {"key": "a", "value": MANY}, "value"),
        ("set-configuration", {"key": "", "value": ""}, "key"),
        ("get-configuration", {"keys": ["a"] * 51}, "keys"),
        ("send-local-list", {"version": 0}, "version"),
        ("send-local-list", {"version": 1, "entries": [{"id_tag": "a"}] * 501}, "entries"),
        ("send-local-list", {"version": 1, "entries": [{"id_tag": "a", "status": "Good"}]}, "entries"),
        ("transfer-data", {"vendor_id": "a", "data": MANY}, "data"),
        ("set-charging-profile", {"profile": PROFILE | {"periods": []}}, "profile.periods"),
        ("set-charging-profile", {"profile": PROFILE | {"unit": "kW"}}, "profile.unit"),
        ("composite-schedule", {"connector": 1, "duration_s": 0}, "duration_s"),
        ("reserve", REQUIRED["reserve"] | {"until_at": "2026-11-23T14:00:00"}, "no instant such as"),
        ("update-firmware", REQUIRED["update-firmware"] | {"address": "/etc/passwd"}, "address"),
        ("get-log", {"address": "https://x\n"}, "address"),
        ("levitate", {}, "There is no command levitate."),
    ],
)
def test_out_of_bounds_refused_in_words(kind: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as problem:
        kinds.read(kind, arguments)
    assert words in str(problem.value)
    assert str(problem.value).endswith(".")


def test_typed_text_parsed() -> None:
    assert kinds.read("start", {"id_tag": "A", "connector": "3"}, is_text=True) == kinds.StartCharging("A", 3)
    assert kinds.read("reserve", REQUIRED["reserve"] | {"reservation": "7"}, is_text=True) == kinds.Reserve(
        7, "CARD", AT
    )
    with pytest.raises(Invalid, match="connector"):
        kinds.read("unlock", {"connector": "one"}, is_text=True)
    with pytest.raises(Invalid, match="connector"):
        kinds.read("unlock", {"connector": "1"})


def test_bounds_hold_in_code() -> None:
    with pytest.raises(Invalid, match="connector"):
        kinds.checked(kinds.Unlock(0))


@pytest.mark.parametrize(
    ("wanted", "secret"),
    [
        (kinds.SetConfiguration("AuthorizationKey", "a-secret"), "a-secret"),
        (kinds.SetConfiguration("SecurityCtrlr.BasicAuthPassword", "a-secret"), "a-secret"),
        (kinds.GetLog("ftp://me:a-secret@x.example/in"), "a-secret"),
        (kinds.GetLog("https://x.example/in?sig=a-secret"), "a-secret"),
        (kinds.SetConfiguration("ChargeAmpsPin", "a-secret"), "a-secret"),
        (kinds.UpdateFirmware("https://me:a-secret@x.example/1", AT), "a-secret"),
        (kinds.TransferData("ACME", "wifiPassphrase", "a-secret"), "a-secret"),
    ],
)
def test_secret_not_stored(wanted: ChargerCommand, secret: str) -> None:
    assert secret in kinds.to_json(wanted)
    assert secret not in kinds.to_json(kinds.redacted(wanted))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x)))
def test_anything_read_or_refused(anything: Any) -> None:
    for kind in KINDS:
        try:
            wanted = kinds.read(kind, anything, is_text=True)
        except Invalid:
            continue
        assert kinds.from_json(kind, kinds.to_json(wanted)) == wanted


@given(limit=st.floats(0, 10_000_000), starts_s=st.integers(0, 2**31 - 1))
def test_profile_round_trip(limit: float, starts_s: int) -> None:
    profile = values.ChargingProfile(1, values.Purpose.CHARGER, values.Unit.WATTS, (values.Period(starts_s, limit),))
    wanted = kinds.SetChargingProfile(profile)
    assert kinds.from_json("set-charging-profile", kinds.to_json(wanted)) == wanted


def test_no_kind_holds_a_key() -> None:
    assert msgspec.structs.fields(kinds.ChangeKey) == ()
