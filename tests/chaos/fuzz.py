"""Owns the frames that no charger should send: real ones with something wrong or of another version, and noise."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

MAX_SHOWN_LENGTH = 2000
NAN = float("nan")
AT = "2026-11-23T12:00:00Z"
SAMPLE = {"value": "1234", "measurand": "Energy.Active.Import.Register", "unit": "Wh", "context": "Sample.Periodic"}
METER_VALUE = {
    "timestamp": AT,
    "sampledValue": [SAMPLE, {"value": "11", "measurand": "Power.Active.Import", "unit": "kW"}],
}
REAL: list[list[Any]] = [
    [2, "a", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1"}],
    [2, "b", "Heartbeat", {}],
    [2, "c", "Authorize", {"idTag": "ADA-1"}],
    [2, "d", "StartTransaction", {"connectorId": 1, "idTag": "ADA-1", "meterStart": 10, "timestamp": AT}],
    [2, "e", "MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": [METER_VALUE]}],
    [2, "f", "MeterValues", {"connectorId": 1, "meterValue": [METER_VALUE, METER_VALUE]}],
    [
        2,
        "g",
        "StopTransaction",
        {"transactionId": 1, "meterStop": 20, "timestamp": AT, "transactionData": [METER_VALUE]},
    ],
    [2, "h", "StatusNotification", {"connectorId": 1, "status": "Charging", "errorCode": "NoError", "timestamp": AT}],
    [2, "i", "DataTransfer", {"vendorId": "V", "messageId": "M", "data": "{}"}],
    [2, "j", "FirmwareStatusNotification", {"status": "Installed"}],
    [2, "k", "DiagnosticsStatusNotification", {"status": "Idle"}],
    [3, "l", {"status": "Accepted"}],
    [4, "m", "InternalError", "", {}],
]
SAMPLE_2 = {"value": 1234.5, "context": "Sample.Periodic", "unitOfMeasure": {"unit": "kWh", "multiplier": 3}}
EVENT = {
    "eventType": "Updated",
    "timestamp": AT,
    "triggerReason": "MeterValuePeriodic",
    "seqNo": 1,
    "offline": False,
    "transactionInfo": {"transactionId": "t", "chargingState": "Charging"},
    "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_2]}],
}
STATION = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M", "modem": {"iccid": "1"}}}
REAL_2: list[list[Any]] = [
    [2, "a", "BootNotification", STATION],
    [2, "b", "Heartbeat", {}],
    [2, "c", "Authorize", {"idToken": {"idToken": "ADA-1", "type": "ISO14443"}}],
    [2, "d", "TransactionEvent", EVENT | {"eventType": "Started", "seqNo": 0, "evse": {"id": 1, "connectorId": 1}}],
    [2, "e", "TransactionEvent", EVENT],
    [2, "f", "TransactionEvent", EVENT | {"eventType": "Ended", "transactionInfo": {"transactionId": "t"}}],
    [2, "g", "MeterValues", {"evseId": 1, "meterValue": EVENT["meterValue"]}],
    [2, "h", "StatusNotification", {"timestamp": AT, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}],
    [2, "i", "NotifyEvent", {"generatedAt": AT, "seqNo": 0, "tbc": True, "eventData": [{"eventId": 1}]}],
    [2, "j", "NotifyReport", {"requestId": 1, "generatedAt": AT, "seqNo": 0, "reportData": [{}]}],
    [2, "k", "SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": AT}],
    [2, "l", "SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}],
    [6, "m", "NotifyPeriodicEventStream", {"id": 1, "pending": 0, "basetime": AT, "data": [{"t": 1, "v": "1"}]}],
]
WORDS = ["", "\0", "\ud800", "'; DROP TABLE charger; --", "<script>", "NaN", "1,5", "kWh", "Wh", "Available", "-1", AT]
WORDS += ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00-23:59", "😀" * 300, "x" * 5000]
NUMBERS = [0, -1, 1, 2**31 - 1, 2**31, -(2**31), 2**63, 2**64, -(2**63), 10**12, 10**30, 1e308, -1e308, 0.5, -0.0, NAN]


@dataclass(frozen=True)
class Shot:
    """What is sent: a text or binary frame, or, where `is_raw`, bytes that need not be a WebSocket frame at all."""

    data: str | bytes
    is_raw: bool = False
    is_text: bool = True

    def __repr__(self) -> str:
        """In a failure's report: the long ones are one character again and again."""
        kind = "raw" if self.is_raw else "text" if self.is_text else "binary"
        return f"<{kind} of {len(self.data)}: {self.data[:MAX_SHOWN_LENGTH]!r}>"


def _values() -> SearchStrategy[Any]:
    odd = st.sampled_from([None, True, False, [], {}, [[]], [None], *WORDS, *NUMBERS])
    leaves = st.one_of(odd, st.text(max_size=30), st.integers(), st.floats())
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )


VALUES = _values()


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real frame, changed in up to three places, and its text in up to one."""
    frame = json.loads(json.dumps(draw(st.sampled_from(REAL + REAL_2))))
    for _ in range(draw(st.integers(0, 3))):
        frame = _changed(draw, frame)
    text = json.dumps(frame, ensure_ascii=draw(st.booleans()))
    kind = draw(st.sampled_from([*["whole"] * 7, "cut", "doubled", "inserted"]))
    at = draw(st.integers(0, len(text)))
    return {
        "whole": text,
        "cut": text[:at],
        "doubled": text + text[at:],
        "inserted": text[:at]
        + draw(st.sampled_from(['"', "[", "]", "{", "}", ",", "9" * 400, "\0", "\\", "[" * 500]))
        + text[at:],
    }[kind]


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """Go down to some place and put something else there, take it away, or have it twice."""
    if not isinstance(value, list | dict) or not value or draw(st.integers(0, 4)) == 0:
        return copy.deepcopy(draw(VALUES))  # the next change may go down into it
    key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    kind = draw(st.sampled_from(["down", "down", "down", "gone", "twice"]))
    if kind == "down":
        value[key] = _changed(draw, value[key])
    elif kind == "gone":
        del value[key]
    elif isinstance(value, list):
        value.insert(key, value[key])
    else:
        value[f"{key}2"] = value[key]
    return value


def _deep(depth: int) -> str:
    return f'[2,"deep","DataTransfer",{{"vendorId":"V","data":{"[" * depth}{"]" * depth}}}]'


def shots() -> SearchStrategy[list[Shot]]:
    """What is sent in one go. Most of it leaves the connection standing, so that the rest is read too."""
    # Half of a surrogate pair cannot be text on the wire: it goes as the bytes that it would have.
    text = mutated().map(lambda text: Shot(text.encode("utf-8", "surrogatepass")))
    noise = st.text(max_size=200).map(lambda text: Shot(text.encode("utf-8", "surrogatepass")))
    deep = st.sampled_from([31, 33, 1000, 50_000]).map(_deep).map(Shot)
    harmless = st.one_of(text, text, text, text, text, noise, st.just(Shot(json.dumps(REAL[1]))))
    rare = st.one_of(
        deep,
        st.binary(max_size=100).map(lambda data: Shot(data, is_text=False)),
        st.binary(max_size=100).map(Shot),  # text that may not be UTF-8
        st.binary(min_size=1, max_size=60).map(lambda data: Shot(data, is_raw=True)),
        st.sampled_from([262_145, 300_000]).map(lambda length: Shot("x" * length)),  # over the limit
    )
    return st.tuples(st.lists(harmless, min_size=4, max_size=12), st.lists(rare, max_size=1)).map(
        lambda two: two[0] + two[1]
    )
