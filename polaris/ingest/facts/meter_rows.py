"""Meter readings as rows, stored in bulk: each once, however often it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from peewee import __exception_wrapper__  # type: ignore[attr-defined]

from polaris.domain.metering import VALUES, Reading, completed, in_order, is_compatible
from polaris.domain.session import ReadingRow
from polaris.ingest.sanitize import fit
from polaris.models import Bulk, ChargingSession, MeterReading, database, to_microseconds
from polaris.models.row_query import MAX_KEYS

_INSERT = Bulk.insert(MeterReading, on_conflict="ON CONFLICT (session_id, sampled_at, digest) DO NOTHING")
_JUDGED = Bulk.update(MeterReading, "energy_wh", "set_aside")

Key = tuple[int, int, int]  # session, instant in microseconds, digest


def digest(reading: Reading, *, is_final: bool = False) -> int:
    """Return a number that is equal for repetitions of a reading."""
    text = (
        f"{reading.context}|{reading.register_wh}|{reading.interval_wh}|{reading.power_w}|{reading.soc_percent}"
        f"|{reading.signed_data}|{is_final or ''}"
    )
    return crc32(text.encode("utf-8", "replace"))


def key(number: int, reading: Reading) -> Key:
    return number, to_microseconds(reading.sampled_at), digest(reading)


def values(number: int, row: ReadingRow) -> dict[str, Any]:
    """Return a reading's columns as `store` takes them."""
    reading = row.reading
    return {
        "session_id": number,
        "sampled_at": reading.sampled_at,
        "received_at": row.received_at,
        "digest": digest(reading, is_final=row.is_final),
        "context": fit(reading.context),
        "register_wh": reading.register_wh,
        "energy_wh": row.energy_wh,
        "interval_wh": reading.interval_wh,
        "power_w": reading.power_w,
        "soc_percent": reading.soc_percent,
        "signed_data": reading.signed_data,
        "is_inferred": row.is_inferred,
        "set_aside": row.set_aside,
        "is_final": row.is_final,
    }


def store(rows: Iterable[dict[str, Any]]) -> None:
    """Store readings; a repetition changes nothing."""
    _INSERT.execute(rows)


def stored(keys: Sequence[Key]) -> set[Key]:
    """Return those of some readings that are stored already."""
    found: set[Key] = set()
    for start in range(0, len(keys), MAX_KEYS):
        found |= _stored(keys[start : start + MAX_KEYS])
    return found


def _stored(keys: Sequence[Key]) -> set[Key]:
    marks = ", ".join([f"({', '.join([database.param] * 3)})"] * len(keys))
    sql = (  # a CROSS JOIN, whose order SQLite keeps: it would scan all readings otherwise
        f"SELECT r.session_id, r.sampled_at, r.digest FROM (VALUES {marks}) AS v CROSS JOIN meter_reading AS r"  # noqa: S608 - placeholders
        " WHERE r.session_id = v.column1 AND r.sampled_at = v.column2 AND r.digest = v.column3"
    )
    with __exception_wrapper__:
        cursor = database.obj.cursor()
        cursor.execute(sql, [value for key in keys for value in key])
        return {tuple(row) for row in cursor.fetchall()}


def add(session: ChargingSession, dated: list[Reading]) -> tuple[list[Reading], bool]:
    """Return the readings to store, and whether others have completed a stored reading of their instant.

    A reading whose values are all stored brings nothing, nor does one of a final reading's instant.
    """
    newest_at = session.last_reading_at
    instants = [] if newest_at is None else [r.sampled_at for r in dated if r.sampled_at <= newest_at]
    if not instants:
        return dated, False
    rows = MeterReading.select().where(MeterReading.session == session, MeterReading.sampled_at.in_(instants))
    stored_: dict[datetime, list[tuple[MeterReading, Reading]]] = {}
    for row in rows:
        stored_.setdefault(row.sampled_at, []).append((row, _reading(row)))
    new, has_completed = [], False
    for reading in dated:
        of_instant = stored_.get(reading.sampled_at, [])
        compatible = next((pair for pair in of_instant if is_compatible(pair[1], reading)), None)
        if compatible is not None:
            row, stored_reading = compatible
            if not row.is_final or row.register_wh is None:
                has_completed |= _complete(row, completed(stored_reading, reading))
        elif not any(row.is_final for row, _ in of_instant):
            new.append(reading)
    return new, has_completed


def _complete(row: MeterReading, reading: Reading) -> bool:
    """Store the values that a reading has gained; return whether there are any."""
    if reading == _reading(row):
        return False
    values = {name: getattr(reading, name) for name in (*VALUES, "context", "signed_data")}
    MeterReading.update(**values, digest=digest(reading, is_final=row.is_final)).where(
        MeterReading.id == row.id
    ).execute()
    return True


def _reading(row: MeterReading) -> Reading:
    return Reading(*(getattr(row, field) for field in Reading.__struct_fields__))


def load(session: ChargingSession) -> list[tuple[int, ReadingRow]]:
    """Load a session's readings in order, with their ids."""
    query = MeterReading.select().where(MeterReading.session == session)
    ordered = query.order_by(MeterReading.sampled_at, MeterReading.received_at, MeterReading.id)
    rows = [
        (
            row.id,
            ReadingRow(
                _reading(row),
                row.received_at,
                row.energy_wh,
                row.set_aside,
                row.is_final,
                row.is_inferred,
            ),
        )
        for row in ordered
    ]
    return sorted(rows, key=lambda row: in_order(row[1].reading))


def judge(rows: Iterable[tuple[int, ReadingRow]]) -> None:
    """Store the energy of readings, or why they are not counted."""
    _JUDGED.execute({"id": id_, "energy_wh": row.energy_wh, "set_aside": row.set_aside} for id_, row in rows)
