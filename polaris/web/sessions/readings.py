"""A session's readings for its page: the newest for the timeline, and an even selection for the curve."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.models import MeterReading, RowQuery, blocking, from_microseconds
from polaris.web.sessions.view import Point

TIMELINE = 20
CURVE = MAX_CURVE_POINTS


class _Row(NamedTuple):
    """A reading as it is stored: of a session's thousands, only those that are shown are converted."""

    session_id: int
    sampled_us: int
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None
    is_final: bool
    set_aside: str
    meter_wh: int | None


# What the meter itself sent: its register, or an interval.
_METER_WH = "COALESCE(register_wh, interval_wh)"
_OF_SESSIONS = RowQuery(
    _Row,
    MeterReading,
    "SELECT {columns} FROM meter_reading WHERE session_id IN ({marks}) ORDER BY session_id, sampled_at, id",
    sampled_us="sampled_at",
    is_final="is_final",
    meter_wh=_METER_WH,
)


def shown(numbers: Sequence[int]) -> dict[int, tuple[list[Point], list[Point]]]:
    """Return each session's timeline, newest first, and its curve. A timeline has one point too many if it is cut.

    The caller has a database connection.
    """
    rows: dict[int, list[_Row]] = {number: [] for number in numbers}
    for row in _OF_SESSIONS.rows(numbers):
        rows[row.session_id].append(row)
    return {number: _split(session_rows) for number, session_rows in rows.items()}


@blocking
def newest(number: int, limit: int) -> tuple[Point, ...]:
    """Return a session's newest readings, newest first; the final reading is the first even if others came later."""
    query = (
        MeterReading.select()
        .where(MeterReading.session == number)
        .order_by(MeterReading.is_final.desc(), MeterReading.sampled_at.desc(), MeterReading.id.desc())
        .limit(limit)
    )
    return tuple(
        Point(
            row.sampled_at,
            row.energy_wh,
            row.power_w,
            row.soc_percent,
            row.is_final,
            row.set_aside,
            row.interval_wh if row.register_wh is None else row.register_wh,
        )
        for row in query
    )


def _split(rows: list[_Row]) -> tuple[list[Point], list[Point]]:
    """Select at most `CURVE` counted readings evenly, the first and the last included. Their energy never falls."""
    rows.sort(key=attrgetter("is_final"))  # the final reading last, even if others came later
    counted = [row for row in rows if not row.set_aside]
    stride = max(1, -(-len(counted) // (CURVE - 1)))
    selected = counted[::stride] + ([counted[-1]] if (len(counted) - 1) % stride else [])
    points = [_point(row) for row in selected]
    timeline = points if len(points) == len(rows) else [_point(row) for row in rows[-TIMELINE - 1 :]]
    return timeline[: -TIMELINE - 2 : -1], _never_falling(points)


def _point(row: _Row) -> Point:
    _, sampled_us, energy_wh, power_w, soc_percent, is_final, set_aside, meter_wh = row
    at = from_microseconds(sampled_us)
    return Point(at, energy_wh, power_w, soc_percent, bool(is_final), set_aside, meter_wh)


def _never_falling(points: list[Point]) -> list[Point]:
    curve, highest_wh = [], 0
    for point in points:
        if point.energy_wh is None:
            curve.append(point)
        elif point.energy_wh < highest_wh:
            curve.append(Point(point.at, highest_wh, point.power_w))
        else:
            highest_wh = point.energy_wh
            curve.append(point)
    return curve
