"""Owns how the ledger's chargers say things: OCPP 1.6, and 2.0.1 with transactions that the charger itself names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from simulator.charger import samples
from simulator.charger_v2 import event, token, value
from simulator.connection import Payload

Said = tuple[str, Payload]  # an Action and its payload


@dataclass
class Visit:
    """A session as its charger knows it."""

    id_tag: str
    started_at: datetime
    meter_start_wh: int
    name: int | str = 0  # what it is known by: the number that was issued, or the charger's own transaction id
    readings: dict[datetime, tuple[int, int | None]] = field(default_factory=dict)  # register in Wh, power in W
    ended_at: datetime | None = None
    meter_stop_wh: int = 0


class Tongue(Protocol):
    subprotocol: str
    busy: str  # the connector's state during a session
    begins_with_reading: bool

    def boot(self) -> Said: ...

    def start(self, visit: Visit) -> Said: ...

    def name(self, visit: Visit, answer: Payload) -> int | str:
        """What the session is known by from now on."""

    def meter(self, visit: Visit, at: datetime) -> Said: ...

    def stop(self, visit: Visit) -> Said: ...

    def status(self, status: str, at: datetime) -> Said: ...


class Tongue16:
    subprotocol = "ocpp1.6"
    busy = "Charging"
    begins_with_reading = False

    def boot(self) -> Said:
        return "BootNotification", {"chargePointVendor": "Ledger", "chargePointModel": "Chaos"}

    def start(self, visit: Visit) -> Said:
        payload = {"connectorId": 1, "idTag": visit.id_tag, "meterStart": visit.meter_start_wh}
        return "StartTransaction", payload | {"timestamp": text(visit.started_at)}

    def name(self, visit: Visit, answer: Payload) -> int | str:
        return int(answer["transactionId"])

    def meter(self, visit: Visit, at: datetime) -> Said:
        register_wh, power_w = visit.readings[at]
        meter = {"timestamp": text(at), "sampledValue": samples(register_wh, power_w, None, "Sample.Periodic")}
        return "MeterValues", {"connectorId": 1, "transactionId": visit.name, "meterValue": [meter]}

    def stop(self, visit: Visit) -> Said:
        assert visit.ended_at is not None
        payload = {"transactionId": visit.name, "meterStop": visit.meter_stop_wh}
        return "StopTransaction", payload | {"timestamp": text(visit.ended_at)}

    def status(self, status: str, at: datetime) -> Said:
        payload = {"connectorId": 1, "status": status, "errorCode": "NoError", "timestamp": text(at)}
        return "StatusNotification", payload


class Tongue201:
    subprotocol = "ocpp2.0.1"
    busy = "Occupied"
    begins_with_reading = True

    def boot(self) -> Said:
        return "BootNotification", {
            "reason": "PowerUp",
            "chargingStation": {"vendorName": "Ledger", "model": "Chaos"},
        }

    def start(self, visit: Visit) -> Said:
        begin = value(visit.meter_start_wh, context="Transaction.Begin", at=text(visit.started_at))
        rest = {"idToken": token(visit.id_tag), "evse": {"id": 1, "connectorId": 1}, "meterValue": [begin]}
        return "TransactionEvent", event(_id(visit), 0, "Started", "Authorized", **rest)

    def name(self, visit: Visit, answer: Payload) -> int | str:
        return _id(visit)

    def meter(self, visit: Visit, at: datetime) -> Said:
        register_wh, power_w = visit.readings[at]
        meter = value(register_wh, power_w, at=text(at))
        seq_no = len(visit.readings)
        return "TransactionEvent", event(_id(visit), seq_no, "Updated", "MeterValuePeriodic", meterValue=[meter])

    def stop(self, visit: Visit) -> Said:
        assert visit.ended_at is not None
        end = value(visit.meter_stop_wh, context="Transaction.End", at=text(visit.ended_at))
        info, seq_no = {"stoppedReason": "Local"}, len(visit.readings) + 1
        return "TransactionEvent", event(_id(visit), seq_no, "Ended", "StopAuthorized", info, meterValue=[end])

    def status(self, status: str, at: datetime) -> Said:
        payload = {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": text(at)}
        return "StatusNotification", payload


TONGUES: tuple[Tongue, ...] = (Tongue16(), Tongue201())


def text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(visit: Visit) -> str:
    """A charger's transactions begin at instants of their own."""
    return text(visit.started_at)
