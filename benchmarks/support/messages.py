"""The messages of the generator's chargers: all different, and of the size that chargers send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

FIXED = {
    "Heartbeat": b'[2,"%d","Heartbeat",{}]',
    "BootNotification": b'[2,"%d","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"Virtual"}]',
}
ENERGY = "Energy.Active.Import.Register"
FIRST_WH = 1000
OTHERS = [  # value, measurand, unit, phase; beside the energy register
    ("21900", "Power.Active.Import", "W", ""),
    ("57", "SoC", "Percent", ""),
    ("31.7", "Current.Import", "A", "L1"),
    ("31.8", "Current.Import", "A", "L2"),
    ("31.6", "Current.Import", "A", "L3"),
    ("229.9", "Voltage", "V", "L1-N"),
    ("230.1", "Voltage", "V", "L2-N"),
    ("230.4", "Voltage", "V", "L3-N"),
]


class CallSource:
    """An endless sequence of CALLs of one Action from one charger."""

    def __init__(self, kind: str, transaction_id: int | str) -> None:
        self.kind = kind
        self.count = 0
        self.began = datetime.now(UTC)
        self.template = {"MeterValues": _meter_values, "TransactionEvent": _transaction_event}.get(kind, str)(
            transaction_id
        )

    def next(self) -> bytes:
        self.count += 1
        if self.kind in FIXED:
            return FIXED[self.kind] % self.count
        at = _instant(self.began + timedelta(milliseconds=10 * self.count))
        energy_wh = FIRST_WH + self.count
        if self.kind == "MeterValues":
            return (self.template % (f"{self.count:032d}", at, energy_wh)).encode()
        return (self.template % (f"{self.count:032d}", at, self.count, at, energy_wh)).encode()


def start(kind: str, identity: str) -> tuple[bytes, str]:
    """Return the CALL that begins a transaction and, in 2.0.1, where the charger assigns it, the transaction's id."""
    now, id_tag = _instant(datetime.now(UTC)), f"T{identity}"[:20]
    if kind == "MeterValues":
        begin = {"connectorId": 1, "idTag": id_tag, "meterStart": FIRST_WH, "timestamp": now}
        return json.dumps([2, "start", "StartTransaction", begin]).encode(), ""
    name = f"{identity}-{now}"
    event = {
        "eventType": "Started",
        "timestamp": now,
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": name},
        "evse": {"id": 1, "connectorId": 1},
        "idToken": {"idToken": id_tag, "type": "ISO14443"},
        "meterValue": [{"timestamp": now, "sampledValue": [{"value": FIRST_WH, "measurand": ENERGY}]}],
    }
    return json.dumps([2, "start", "TransactionEvent", event]).encode(), name


def _meter_values(transaction_id: int | str) -> str:
    samples = [
        {"value": value, "context": "Sample.Periodic", "measurand": measurand, "unit": unit}
        | ({"phase": phase} if phase else {})
        for value, measurand, unit, phase in [("%d", ENERGY, "Wh", ""), *OTHERS]
    ]
    samples[0]["location"] = "Outlet"
    meter_value = [{"timestamp": "%s", "sampledValue": samples}]
    payload = {"connectorId": 1, "transactionId": transaction_id, "meterValue": meter_value}
    return _json([2, "%s", "MeterValues", payload])


def _transaction_event(transaction_id: int | str) -> str:
    samples = [
        {"value": float(value), "context": "Sample.Periodic", "measurand": measurand, "unitOfMeasure": {"unit": unit}}
        | ({"phase": phase} if phase else {})
        for value, measurand, unit, phase in OTHERS
    ]
    register = {"value": "%d", "context": "Sample.Periodic", "measurand": ENERGY, "unitOfMeasure": {"unit": "Wh"}}
    payload = {
        "eventType": "Updated",
        "timestamp": "%s",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": "%d",
        "transactionInfo": {"transactionId": transaction_id},
        "meterValue": [{"timestamp": "%s", "sampledValue": [register, *samples]}],
    }
    return _json([2, "%s", "TransactionEvent", payload]).replace('"%d"', "%d")  # values are numbers in 2.0.1


def _json(frame: list[object]) -> str:
    return json.dumps(frame, separators=(",", ":"))


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
