"""Owns sessions told to the ingest with the times that they need, for the page that explains their figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from polaris.domain.facts import SessionEnded, SessionMetered, SessionStarted
from polaris.domain.instants import from_microseconds
from polaris.domain.metering import END, Reading
from polaris.ingest import Ingest
from tests.support.true_sessions import Figure, TrueSession

EARLIER = timedelta(hours=10)  # so that all of a session is in the past, and newer than the tariff


@dataclass
class Telling:
    """A charger with one session at a time. Instants are seconds from its start."""

    ingest: Ingest
    charger_id: int
    id_tag: str
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=250_000) - EARLIER)
    number: int = 0

    def start(self, register_wh: int | None) -> int:
        self.started_at += timedelta(hours=1)
        self.number = self._start(register_wh, self.started_at, self.started_at)
        return self.number

    def meter(self, second: float, register_wh: int | None, **values: Any) -> None:
        at = self.started_at + timedelta(seconds=second)
        self._meter(self.number, Reading(at, register_wh=register_wh, **values), at)

    def end(self, second: float, register_wh: int | None, number: int | None = None) -> None:
        at = self.started_at + timedelta(seconds=second)
        self._end(number or self.number, register_wh, at, at)

    def tell(self, session: TrueSession) -> int:
        """Tell a session as it was told, moved to the present."""
        start, end = session.start, session.end
        self.started_at += timedelta(minutes=1)
        moved = self.started_at - from_microseconds(start.at_us)
        number = self._start(start.register_wh, *_moved(start, moved))
        for one in sorted(session.figures, key=lambda figure: figure.received_us):
            at, received_at = _moved(one, moved)
            reading = Reading(at, one.context, one.register_wh, one.power_w, None, one.interval_wh)
            self._meter(number, reading, received_at)
        at, received_at = _moved(end, moved)
        self._end(number, end.register_wh, at, received_at)
        return number

    def _start(self, register_wh: int | None, at: datetime, received_at: datetime) -> int:
        meter_start_wh = -1 if register_wh is None else register_wh
        (started,) = self._store(
            SessionStarted, received_at, connector=1, id_tag=self.id_tag, at=at, meter_start_wh=meter_start_wh
        )
        number: int = started.number
        return number

    def _meter(self, number: int, reading: Reading, received_at: datetime) -> None:
        self._store(SessionMetered, received_at, connector=1, number=number, readings=(reading,))

    def _end(self, number: int, register_wh: int | None, at: datetime, received_at: datetime) -> None:
        readings = () if register_wh is not None else (Reading(at, END),)
        values = {"meter_stop_wh": register_wh, "reason": "Local", "id_tag": None, "readings": readings}
        self._store(SessionEnded, received_at, number=number, at=at, **values)

    def _store(self, fact: Any, received_at: datetime, **values: Any) -> Any:
        return self.ingest.store([fact(charger_id=self.charger_id, received_at=received_at, **values)], received_at)


def _moved(figure: Figure, by: timedelta) -> tuple[datetime, datetime]:
    return from_microseconds(figure.at_us) + by, from_microseconds(figure.received_us) + by
