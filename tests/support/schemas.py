"""Owns checking what the bridge sent, frame by frame, against the `ocpp` package's JSON schemas of its version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

from ocpp.messages import MessageType, get_validator

_CODES_OF_ALL = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "PropertyConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}
_CODES_OF_2 = {"FormatViolation", "OccurrenceConstraintViolation", "MessageTypeNotSupported", "RpcFrameworkError"}
CODES = {
    "1.6": _CODES_OF_ALL | {"FormationViolation", "OccurenceConstraintViolation"},  # J 1.6 §4.2.3
    "2.0.1": _CODES_OF_ALL | _CODES_OF_2,  # J 2.0.1 §4.3
    "2.1": _CODES_OF_ALL | _CODES_OF_2,
}


def check(frames: Iterable[tuple[str, str | bytes]], subprotocol: str) -> None:
    """Fail on the first received frame that is not valid in the version that was negotiated."""
    version = subprotocol.removeprefix("ocpp") or "1.6"
    actions: dict[str, str] = {}
    for direction, text in frames:
        if direction == "sent":
            _note_action(text, actions)
        else:
            _check_received(json.loads(text), actions, version)


def _note_action(text: str | bytes, actions: dict[str, str]) -> None:
    try:
        frame = json.loads(text, parse_int=_short)
        if frame[0] == MessageType.Call:
            actions[frame[1]] = frame[2]
    except (ValueError, TypeError, LookupError, RecursionError):
        return  # a test's own broken frame


def _short(digits: str) -> int:
    return int(digits[:20])  # a test's endless number


def _check_received(frame: list[object], actions: dict[str, str], version: str) -> None:
    kind, message_id = frame[:2]
    assert isinstance(message_id, str)
    assert len(message_id) <= 36
    if kind == MessageType.CallError:
        _, _, code, description, details = frame
        assert code in CODES[version]
        assert isinstance(description, str)
        assert len(description) <= 255
        assert details == {}
        return
    action, payload = frame[2:] if kind == MessageType.Call else (actions[message_id], frame[2])
    exact = json.loads(
        json.dumps(payload), parse_float=Decimal
    )  # 1.6 wants one decimal place, which floats do not have
    get_validator(kind, action, version, parse_float=Decimal).validate(exact)
