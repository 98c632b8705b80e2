"""Readings as rows: one for each session and sampled instant, stored many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from polaris.domain.session import Row
from polaris.ingest.sanitize import fit
from polaris.models import Bulk
from polaris.models.database import to_microseconds

RowValues = tuple[object, ...]

_INSERT = (
    "INSERT INTO meter_reading (session_id, sampled_at, received_at, context, register_wh, energy_wh, power_w,"
    " soc_percent, interval_wh, signed_data, is_final) "
)
_TYPES = ("integer", "bigint", "bigint", "text", "bigint", "bigint", "bigint", "integer", "bigint", "text", "boolean")
_SAID = ("register_wh", "energy_wh", "power_w", "soc_percent", "interval_wh")


def _bulk(merged: str) -> Bulk:
    """Insert; where the instant has a row, merge into it, unless that is the final reading."""
    both = ", ".join(f"{column} = {merged.format(column)}" for column in _SAID)
    conflict = (
        f" ON CONFLICT (session_id, sampled_at) DO UPDATE SET {both}, is_final = excluded.is_final"
        " WHERE NOT meter_reading.is_final"
    )
    return Bulk(
        _TYPES,
        sqlite=f"{_INSERT} VALUES ({{values}}){conflict}",
        postgresql=f"{_INSERT} SELECT * FROM {{values}}{conflict}",
    )


_FIRST_STANDS = _bulk("COALESCE(meter_reading.{0}, excluded.{0})")
_FINAL_OUTRANKS = _bulk("COALESCE(excluded.{0}, meter_reading.{0})")


def values(number: int, row: Row, received_at: datetime) -> RowValues:
    """A row as `store` takes it."""
    reading = row.reading
    return (
        number,
        to_microseconds(reading.sampled_at),
        to_microseconds(received_at),
        fit(reading.context),
        reading.register_wh,
        row.energy_wh,
        reading.power_w,
        reading.soc_percent,
        reading.interval_wh,
        reading.signed_data,
        row.is_final,
    )


def store(rows: Iterable[RowValues]) -> None:
    """Store rows. What was said first of an instant stands, but a final reading outranks it."""
    groups: dict[bool, list[RowValues]] = {False: [], True: []}
    for row in rows:
        groups[bool(row[-1])].append(row)
    _FIRST_STANDS.execute(groups[False])
    _FINAL_OUTRANKS.execute(groups[True])
