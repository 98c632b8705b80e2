"""The queries of a session's readings for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

from polaris.models import MeterReading, RowQuery, blocking
from polaris.web.sessions.kept import ReadingRow, Readings, place
from polaris.web.sessions.point import Point

# What the meter itself sent: its register, or an interval.
_METER_WH = "COALESCE(register_wh, interval_wh)"
_COLUMNS = {"sampled_us": "sampled_at", "is_final": "is_final", "meter_wh": _METER_WH}
_OF_SESSIONS = RowQuery(
    ReadingRow,
    MeterReading,
    "SELECT {columns} FROM meter_reading WHERE session_id IN ({marks}) ORDER BY session_id, sampled_at, id",
    **_COLUMNS,
)
_SINCE = RowQuery(
    ReadingRow,
    MeterReading,
    "SELECT {columns} FROM (VALUES {marks}) AS since CROSS JOIN meter_reading"
    " WHERE session_id = since.column1 AND sampled_at >= since.column2 ORDER BY session_id, sampled_at, id",
    **_COLUMNS,
)


def shown(numbers: Sequence[int], kept: Mapping[int, Readings]) -> dict[int, Readings]:
    """Return what each session's page shows; of those that are kept, only newer readings are read.

    The caller has a database connection.
    """
    rows: dict[int, list[ReadingRow]] = {number: [] for number in numbers}
    for row in _OF_SESSIONS.rows([number for number in numbers if number not in kept]):
        rows[row.session_id].append(row)
    for row in _SINCE.rows([(number, kept[number].last[0]) for number in numbers if number in kept]):
        if place(row) > kept[row.session_id].last:
            rows[row.session_id].append(row)
    return {number: kept.get(number, Readings()).grown(_in_order(newer)) for number, newer in rows.items()}


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


def _in_order(rows: list[ReadingRow]) -> list[ReadingRow]:
    """Sort the final reading last, even if others came later."""
    return sorted(rows, key=attrgetter("is_final")) if any(row.is_final for row in rows) else rows
