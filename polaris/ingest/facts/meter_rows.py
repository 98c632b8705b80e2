"""Meter readings as rows: one for each session and sampled instant, stored in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from polaris.domain.metering import VALUES
from polaris.domain.session import ReadingRow
from polaris.ingest.sanitize import fit
from polaris.models import Bulk, MeterReading

_MERGED = ("energy_wh", *VALUES)


def _upsert(merged: str) -> Bulk:
    """Insert a reading, or merge it into the row of the same instant unless that is final."""
    columns = ", ".join(f"{column} = {merged.format(column)}" for column in _MERGED)
    return Bulk.insert(
        MeterReading,
        on_conflict=(
            f"ON CONFLICT (session_id, sampled_at) DO UPDATE SET {columns}, is_final = excluded.is_final"
            " WHERE NOT meter_reading.is_final"
        ),
    )


_FIRST_WINS = _upsert("COALESCE(meter_reading.{0}, excluded.{0})")
_FINAL_WINS = _upsert("COALESCE(excluded.{0}, meter_reading.{0})")


def values(number: int, row: ReadingRow, received_at: datetime) -> dict[str, Any]:
    """Return a reading's columns as `store` takes them."""
    reading = row.reading
    return {
        "session_id": number,
        "sampled_at": reading.sampled_at,
        "received_at": received_at,
        "context": fit(reading.context),
        "register_wh": reading.register_wh,
        "energy_wh": row.energy_wh,
        "interval_wh": reading.interval_wh,
        "power_w": reading.power_w,
        "soc_percent": reading.soc_percent,
        "signed_data": reading.signed_data,
        "is_inferred": False,
        "set_aside": "",
        "is_final": row.is_final,
    }


def store(rows: Iterable[dict[str, Any]]) -> None:
    """Store readings. The first value of an instant wins, except that a final reading replaces it."""
    rows = list(rows)
    _FIRST_WINS.execute(row for row in rows if not row["is_final"])
    _FINAL_WINS.execute(row for row in rows if row["is_final"])
