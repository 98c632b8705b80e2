"""The readings that a session's page shows: the newest for the timeline, and an even selection for the curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from polaris.domain.instants import from_microseconds
from polaris.web.sessions.point import Point
from polaris.web.sessions.trace import Trace, Values

TIMELINE = 20


class ReadingRow(NamedTuple):
    """A reading as it is stored: of a session's thousands, only those that are shown are converted."""

    session_id: int
    id: int
    sampled_us: int
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None
    is_final: bool
    set_aside: str
    meter_wh: int | None


class Timeline(Struct, frozen=True):
    """The newest readings, newest first, the id of the first, 0 without any, and whether there are older ones."""

    rows: tuple[Point, ...] = ()
    newest_id: int = 0
    has_more: bool = False

    def newer(self, before: Timeline) -> tuple[Point, ...]:
        """Return the rows that came after those of an earlier timeline; none if other rows changed, too."""
        for new in range(1, len(self.rows)):
            rest = self.rows[new:]
            if rest == before.rows[: len(rest)]:
                return self.rows[:new]
        return ()


class Readings(Struct, frozen=True):
    """The readings that a session's page shows.

    A page that is watched keeps it and reads the newer ones alone: to read all of them takes as long as everything else
    together from some 50 on.
    """

    newest: tuple[Point, ...] = ()  # newest first, one more than the timeline has rows
    curve: Trace = Trace()
    last: tuple[int, int] = (0, 0)  # the instant and the id of the newest
    count: int = 0

    @property
    def timeline(self) -> Timeline:
        return Timeline(self.newest[:TIMELINE], self.last[1], len(self.newest) > TIMELINE)

    def grown(self, rows: Sequence[ReadingRow]) -> Readings:
        """Return the same with rows that came after the others."""
        if not rows:
            return self
        points = map(_point, reversed(rows[-TIMELINE - 1 :]))
        drawn = (Values(row.sampled_us, row.energy_wh, row.power_w, row.soc_percent) for row in rows if _is_drawn(row))
        return Readings(
            (*points, *self.newest)[: TIMELINE + 1], self.curve.grown(drawn), place(rows[-1]), self.count + len(rows)
        )


def place(row: ReadingRow) -> tuple[int, int]:
    return row.sampled_us, row.id


def _is_drawn(row: ReadingRow) -> bool:
    return not row.set_aside and (row.energy_wh, row.power_w) != (None, None)


def _point(row: ReadingRow) -> Point:
    at = from_microseconds(row.sampled_us)
    return Point(at, row.energy_wh, row.power_w, row.soc_percent, bool(row.is_final), row.set_aside, row.meter_wh)
