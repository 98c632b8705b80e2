"""A session's readings as its page shows them: the newest for the timeline, and evenly taken ones for the curve.

In callers that have a connection.
"""

from __future__ import annotations

from collections.abc import Sequence

from peewee import fn

from polaris.domain.session_page import Point
from polaris.models import MeterReading, Prepared
from polaris.models.database import from_microseconds

TIMELINE = 20
CURVE = 200


def of_few(numbers: Sequence[int]) -> dict[int, tuple[list[Point], list[Point]]]:
    """Timeline and curve of those sessions that have few readings, as most do: then both are all of them."""
    found: dict[int, tuple[list[Point], list[Point]]] = {
        number: ([], []) for number, count in _COUNTS.raw(numbers) if count < CURVE
    }
    for number, at, energy_wh, power_w, soc_percent, is_final in _ALL.raw(list(found)):
        timeline, drawn = found[number]
        point = Point(from_microseconds(at), energy_wh, power_w, soc_percent, bool(is_final))
        timeline.append(point)
        least = drawn[-1].energy_wh or 0 if drawn else 0
        has_fallen = energy_wh is None or energy_wh < least
        drawn.append(Point(point.at, least, power_w) if has_fallen else point)
    return {number: (timeline[: -TIMELINE - 2 : -1], drawn) for number, (timeline, drawn) in found.items()}


_MINE = MeterReading.session
_COUNTS = Prepared(
    lambda numbers: MeterReading.select(_MINE, fn.COUNT(1)).where(_MINE.in_(numbers)).group_by(_MINE).tuples()
)
_ALL = Prepared(
    lambda numbers: (
        MeterReading.select(
            _MINE,
            MeterReading.sampled_at,
            MeterReading.energy_wh,
            MeterReading.power_w,
            MeterReading.soc_percent,
            MeterReading.is_final,
        )
        .where(_MINE.in_(numbers))
        .order_by(_MINE, MeterReading.is_final, MeterReading.sampled_at)
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


def curve(number: int) -> tuple[Point, ...]:
    """At most `CURVE` readings, evenly taken, the first and the last among them; energy that never falls."""
    mine = MeterReading.session == number
    count = MeterReading.select().where(mine).count()
    stride = max(1, -(-count // (CURVE - 1)))
    place = fn.ROW_NUMBER().over(order_by=[MeterReading.is_final, MeterReading.sampled_at]) - 1
    numbered = MeterReading.select(
        MeterReading.sampled_at, MeterReading.energy_wh, MeterReading.power_w, place.alias("place")
    ).where(mine)
    place_in_stride = numbered.c.place - numbered.c.place / stride * stride  # peewee's % means LIKE
    chosen = (
        MeterReading.select(numbered.c.sampled_at, numbered.c.energy_wh, numbered.c.power_w)
        .from_(numbered)
        .where((place_in_stride == 0) | (numbered.c.place == count - 1))
        .order_by(numbered.c.place)
    )
    points, energy_wh = [], 0
    for at, energy, power in chosen.tuples():
        energy_wh = max(energy_wh, energy or 0)
        points.append(Point(at, energy_wh, power))
    return tuple(points)
