"""A session's readings as its page shows them: the newest for the timeline, and evenly taken ones for the curve.

In callers that have a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from polaris.models import MeterReading, Prepared
from polaris.models.database import from_microseconds
from polaris.web.sessions.view import Point

TIMELINE = 20
CURVE = 200

Row = Sequence[Any]  # what `_ALL` selects
_IS_FINAL = itemgetter(5)


def shown(numbers: Sequence[int]) -> dict[int, tuple[list[Point], list[Point]]]:
    """Of each session the timeline, the newest first, and one more if there are more; and its curve."""
    rows: dict[int, list[Row]] = {number: [] for number in numbers}
    for row in _ALL.raw(numbers):
        rows[row[0]].append(row)
    return {number: _split(mine) for number, mine in rows.items()}


def _split(rows: list[Row]) -> tuple[list[Point], list[Point]]:
    """The curve takes at most `CURVE` readings evenly, the first and the last among them; its energy never falls."""
    rows.sort(key=_IS_FINAL)  # the final one last, whatever came late
    stride = max(1, -(-len(rows) // (CURVE - 1)))
    chosen = rows[::stride] + ([rows[-1]] if (len(rows) - 1) % stride else [])
    points = [_point(row) for row in chosen]
    timeline = points if stride == 1 else [_point(row) for row in rows[-TIMELINE - 1 :]]
    return timeline[: -TIMELINE - 2 : -1], _never_falling(points)


def _point(row: Row) -> Point:
    _, at, energy_wh, power_w, soc_percent, is_final = row
    return Point(from_microseconds(at), energy_wh, power_w, soc_percent, bool(is_final))


def _never_falling(points: list[Point]) -> list[Point]:
    drawn, least = [], 0
    for point in points:
        if point.energy_wh is None or point.energy_wh < least:
            drawn.append(Point(point.at, least, point.power_w))
        else:
            least = point.energy_wh
            drawn.append(point)
    return drawn


_ALL = Prepared(
    lambda numbers: (
        MeterReading.select(
            MeterReading.session,
            MeterReading.sampled_at,
            MeterReading.energy_wh,
            MeterReading.power_w,
            MeterReading.soc_percent,
            MeterReading.is_final,
        )
        .where(MeterReading.session.in_(numbers))
        .order_by(MeterReading.session, MeterReading.sampled_at)
        .tuples()
    )
)


def newest(number: int, limit: int) -> tuple[Point, ...]:
    """The newest readings first; the final one on top whatever came late."""
    query = (
        MeterReading.select()
        .where(MeterReading.session == number)
        .order_by(MeterReading.is_final.desc(), MeterReading.sampled_at.desc())
        .limit(limit)
    )
    return tuple(Point(r.sampled_at, r.energy_wh, r.power_w, r.soc_percent, r.is_final) for r in query)
