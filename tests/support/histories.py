"""Owns whole charging histories, as a charger tells them, and every way in which the telling can go wrong.

A history is what happened at one connector: visits one after the other. A telling is the order in which its messages
reach Polaris: doubled (the answer was lost), dropped and told again later, queued and delivered late, statuses ahead of
everything. What a charger cannot do is not in it: it names a session only once it has been given its number.

How a message looks is a `Version`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from hypothesis import strategies as st

from simulator import charger_v2
from simulator.charger import samples

MAX_DELAY = 12  # messages that go ahead of one
Payload = dict[str, Any]


@dataclass(frozen=True)
class Sampled:
    """A reading: seconds from the visit's start, Wh on the register, W or nothing."""

    seconds: int
    register_wh: int
    power_w: int | None = None


@dataclass(frozen=True)
class Visit:
    """One session from its start to its end. `data` are the readings that the end brings with it."""

    started_at: datetime
    meter_start_wh: int
    readings: tuple[Sampled, ...]
    ended_at: datetime
    meter_stop_wh: int
    reason: str
    data: tuple[Sampled, ...] = ()


@dataclass(frozen=True)
class Event:
    """One message: of which visit, what it is ("start", "reading", "status" or "end"), and what it says."""

    visit: int
    kind: str
    reading: Sampled | None = None
    status: str = ""
    status_at: datetime | None = None


@dataclass(frozen=True)
class History:
    """What happened, and the order in which it is told; an event that is told twice is in it twice."""

    visits: tuple[Visit, ...]
    telling: tuple[Event, ...] = field(repr=False)

    @property
    def in_order(self) -> tuple[Event, ...]:
        return tuple(event for number, visit in enumerate(self.visits) for event in _events(number, visit))

    def __str__(self) -> str:
        return f"{self.visits} told as {[(e.visit, e.kind, e.status or e.reading) for e in self.telling]}"


class Version(Protocol):
    """How a charger of one OCPP version says it. `number` is what the answer to the visit's start gave."""

    subprotocol: str
    begins_with_reading: bool  # whether a start brings a reading, rather than a figure of its own

    def message(self, visit: Visit, event: Event, number: int) -> tuple[str, Payload]:
        """The action and the payload of an event."""

    def number(self, answer: Payload) -> int:
        """What the answer to a start says that the session is called; 0 where the charger names it itself."""


class Told16:
    """OCPP 1.6."""

    subprotocol = "ocpp1.6"
    begins_with_reading = False

    def message(self, visit: Visit, event: Event, number: int) -> tuple[str, Payload]:
        return getattr(self, f"_{event.kind}")(visit, event, number)

    def number(self, answer: Payload) -> int:
        return int(answer["transactionId"])

    def _start(self, visit: Visit, _: Event, __: int) -> tuple[str, Payload]:
        start = {"connectorId": 1, "idTag": "ADA-1", "meterStart": visit.meter_start_wh}
        return "StartTransaction", start | {"timestamp": text(visit.started_at)}

    def _reading(self, visit: Visit, event: Event, number: int) -> tuple[str, Payload]:
        assert event.reading is not None
        return "MeterValues", {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [self._meter_value(visit, event.reading)],
        }

    def _status(self, _: Visit, event: Event, __: int) -> tuple[str, Payload]:
        assert event.status_at is not None
        status = {"connectorId": 1, "status": event.status, "errorCode": "NoError"}
        return "StatusNotification", status | {"timestamp": text(event.status_at)}

    def _end(self, visit: Visit, _: Event, number: int) -> tuple[str, Payload]:
        end = {"transactionId": number, "meterStop": visit.meter_stop_wh, "reason": visit.reason}
        data = [self._meter_value(visit, reading) for reading in visit.data]
        return "StopTransaction", end | {"timestamp": text(visit.ended_at), "transactionData": data}

    def _meter_value(self, visit: Visit, reading: Sampled) -> Payload:
        values = samples(reading.register_wh, reading.power_w, None, "Sample.Periodic")
        return {"timestamp": text(sampled_at(visit, reading)), "sampledValue": values}


class Told2:
    """OCPP 2.0.1 and 2.1: the charger names its transactions, and counts their events."""

    begins_with_reading = True

    def __init__(self, subprotocol: str) -> None:
        self.subprotocol = subprotocol

    def message(self, visit: Visit, event: Event, _: int) -> tuple[str, Payload]:
        return getattr(self, f"_{event.kind}")(visit, event)

    def number(self, _: Payload) -> int:
        return 0

    def _start(self, visit: Visit, _: Event) -> tuple[str, Payload]:
        begin = charger_v2.value(visit.meter_start_wh, context="Transaction.Begin", at=text(visit.started_at))
        rest = {"idToken": charger_v2.token("ADA-1"), "evse": {"id": 1, "connectorId": 1}, "meterValue": [begin]}
        return self._event(visit, visit.started_at, 0, "Started", "Authorized", **rest)

    def _reading(self, visit: Visit, event: Event) -> tuple[str, Payload]:
        assert event.reading is not None
        seq_no = visit.readings.index(event.reading) + 1
        meter = [self._value(visit, event.reading)]
        at = sampled_at(visit, event.reading)
        return self._event(visit, at, seq_no, "Updated", "MeterValuePeriodic", meterValue=meter)

    def _status(self, _: Visit, event: Event) -> tuple[str, Payload]:
        assert event.status_at is not None
        status = "Available" if event.status == "Available" else "Occupied"
        payload = {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": text(event.status_at)}
        return "StatusNotification", payload

    def _end(self, visit: Visit, _: Event) -> tuple[str, Payload]:
        end = charger_v2.value(visit.meter_stop_wh, context="Transaction.End", at=text(visit.ended_at))
        meter = [*(self._value(visit, reading) for reading in visit.data), end]
        info, seq_no = {"stoppedReason": visit.reason}, len(visit.readings) + 1
        return self._event(visit, visit.ended_at, seq_no, "Ended", "StopAuthorized", info, meterValue=meter)

    def _event(self, visit: Visit, at: datetime, *args: Any, **rest: Any) -> tuple[str, Payload]:
        payload = charger_v2.event(text(visit.started_at), *args, **rest)
        return "TransactionEvent", payload | {"timestamp": text(at)}

    def _value(self, visit: Visit, reading: Sampled) -> Payload:
        return charger_v2.value(reading.register_wh, reading.power_w, at=text(sampled_at(visit, reading)))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to three visits, told as badly as chargers tell."""
    visits: list[Visit] = []
    at, register_wh = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2), draw(st.integers(0, 10**7))
    for _ in range(draw(st.integers(1, 3))):
        visit = draw(_visits(at, register_wh))
        visits.append(visit)
        at, register_wh = visit.ended_at + timedelta(seconds=60), visit.meter_stop_wh
    return draw(_told(tuple(visits)))


@st.composite
def _visits(draw: st.DrawFn, at: datetime, register_wh: int) -> Visit:
    seconds, meter_start_wh, readings = 0, register_wh, []
    for _ in range(draw(st.integers(0, 6))):
        elapsed_s, rise_wh = draw(st.integers(1, 900)), draw(st.integers(0, 5000))
        seconds, register_wh = seconds + elapsed_s, register_wh + rise_wh
        # No more power than the meter has counted: else it would be one that does not count.
        power_w = draw(st.none() | st.integers(0, min(22_000, rise_wh * 3600 // elapsed_s)))
        readings.append(Sampled(seconds, register_wh, power_w))
    ended_at = at + timedelta(seconds=seconds + draw(st.integers(1, 900)))
    meter_stop_wh = register_wh + draw(st.integers(0, 500))
    data = tuple(reading for reading in readings if draw(st.integers(0, 3)) == 0)
    reason = draw(st.sampled_from(["Local", "Remote", "EVDisconnected", "PowerLoss"]))
    return Visit(at, meter_start_wh, tuple(readings), ended_at, meter_stop_wh, reason, data)


@st.composite
def _told(draw: st.DrawFn, visits: tuple[Visit, ...]) -> History:
    """Each event is told once or more, each time so many messages late; a start at least once in its turn.

    After an offline spell all that was queued is late, behind what has happened since.
    """
    delays = st.one_of(st.just(0), st.just(0), st.integers(0, MAX_DELAY))
    told: list[tuple[float, Event]] = []
    spell_from, spell = draw(st.integers(0, 20)), draw(st.sampled_from([0, 0, MAX_DELAY // 2, MAX_DELAY]))
    for turn, event in enumerate(History(visits, ()).in_order):
        queued = spell if spell_from <= turn <= spell_from + spell else 0
        first = 0 if event.kind == "start" else queued + draw(delays)
        if event.kind == "status":
            first -= draw(st.integers(0, MAX_DELAY))  # statuses overtake what is queued
        again = draw(st.lists(delays, max_size=2) if draw(st.integers(0, 3)) == 0 else st.just([]))
        told += [
            (turn + first + 0.5 * (first > 0), event),
            *((turn + max(first, 0) + 0.5 + late, event) for late in again),
        ]
    told.sort(key=lambda one: one[0])  # stable: what is not late keeps its order
    return History(visits, tuple(event for _, event in told))


def _events(number: int, visit: Visit) -> list[Event]:
    readings = [Event(number, "reading", reading) for reading in visit.readings]
    charging = Event(number, "status", status="Charging", status_at=visit.started_at + timedelta(milliseconds=500))
    available = Event(number, "status", status="Available", status_at=visit.ended_at + timedelta(seconds=2))
    return [Event(number, "start"), charging, *readings, Event(number, "end"), available]


def sampled_at(visit: Visit, reading: Sampled) -> datetime:
    return visit.started_at + timedelta(seconds=reading.seconds)


def text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
