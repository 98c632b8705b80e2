"""Owns sessions told to the ingest with the times that they need, for the page that explains their figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from polaris.domain.facts import Fact, SessionEnded, SessionMetered, SessionStarted
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
        (started,) = self._store(self._started(register_wh, self.started_at, self.started_at))
        self.number = started.number
        return self.number

    def meter(self, second: float, register_wh: int | None, **values: Any) -> None:
        at = self.started_at + timedelta(seconds=second)
        self._store(self._metered(self.number, Reading(at, register_wh=register_wh, **values), at))

    def meters(self, seconds: Sequence[int], start_wh: int) -> None:
        """Send a reading of each of these seconds in one message; the meter counts 1 Wh a second."""
        readings = tuple(
            Reading(self.started_at + timedelta(seconds=second), register_wh=start_wh + second) for second in seconds
        )
        fact = self._metered(self.number, readings[0], readings[-1].sampled_at)
        self._store(replace(fact, readings=readings))

    def end(self, second: float, register_wh: int | None, number: int | None = None) -> None:
        at = self.started_at + timedelta(seconds=second)
        self._store(self._ended(number or self.number, register_wh, at, at))

    def tell(self, session: TrueSession) -> int:
        """Tell a session as it was told, moved to the present."""
        return tell_together([(self, session)])[0]

    def facts_of(self, session: TrueSession) -> tuple[SessionStarted, list[SessionMetered | SessionEnded]]:
        """Return a session's start and what follows it, which still lacks the number that the start is given."""
        start, end = session.start, session.end
        self.started_at += timedelta(minutes=1)
        moved = self.started_at - from_microseconds(start.at_us)
        following: list[SessionMetered | SessionEnded] = []
        for one in sorted(session.figures, key=lambda figure: figure.received_us):
            at, received_at = _moved(one, moved)
            reading = Reading(at, one.context, one.register_wh, one.power_w, None, one.interval_wh)
            following.append(self._metered(None, reading, received_at))
        following.append(self._ended(None, end.register_wh, *_moved(end, moved)))
        return self._started(start.register_wh, *_moved(start, moved)), following

    def _started(self, register_wh: int | None, at: datetime, received_at: datetime) -> SessionStarted:
        meter_start_wh = -1 if register_wh is None else register_wh
        values: Any = {"connector": 1, "id_tag": self.id_tag, "at": at, "meter_start_wh": meter_start_wh}
        return SessionStarted(charger_id=self.charger_id, received_at=received_at, **values)

    def _metered(self, number: int | None, reading: Reading, received_at: datetime) -> SessionMetered:
        values: Any = {"connector": 1, "number": number, "readings": (reading,)}
        return SessionMetered(charger_id=self.charger_id, received_at=received_at, **values)

    def _ended(self, number: int | None, register_wh: int | None, at: datetime, received_at: datetime) -> SessionEnded:
        readings = () if register_wh is not None else (Reading(at, END),)
        values: Any = {"number": number, "at": at, "meter_stop_wh": register_wh, "reason": "Local", "id_tag": None}
        return SessionEnded(charger_id=self.charger_id, received_at=received_at, readings=readings, **values)

    def _store(self, fact: Fact) -> Any:
        return self.ingest.store([fact], fact.received_at)


def tell_together(told: Sequence[tuple[Telling, TrueSession]]) -> list[int]:
    """Tell a session of each charger as the bridge does: one fact of each charger in a batch."""
    ingest = told[0][0].ingest
    starts, following = zip(*(telling.facts_of(session) for telling, session in told), strict=True)
    numbers = [started.number for started in _store(ingest, starts)]
    for batch in zip_longest(*following):
        named = zip(batch, numbers, strict=True)
        _store(ingest, [replace(fact, number=number) for fact, number in named if fact is not None])
    return numbers


def _store(ingest: Ingest, facts: Sequence[Fact]) -> list[Any]:
    return ingest.store(facts, max(fact.received_at for fact in facts))


def _moved(figure: Figure, by: timedelta) -> tuple[datetime, datetime]:
    return from_microseconds(figure.at_us) + by, from_microseconds(figure.received_us) + by
