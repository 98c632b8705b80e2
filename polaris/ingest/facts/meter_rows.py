"""Meter readings as rows, stored in bulk: each once, however often it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from peewee import __exception_wrapper__  # type: ignore[attr-defined]

from polaris.domain.instants import all_from_microseconds, to_microseconds
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import BEGIN, Reading
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest.facts import event_store
from polaris.ingest.sanitize import fit
from polaris.models import Bulk, ChargingSession, MeterReading, database
from polaris.models.row_query import MAX_KEYS

_INSERT = Bulk.insert(MeterReading, on_conflict="ON CONFLICT (session_id, sampled_at, digest) DO NOTHING")
_JUDGED = Bulk.update(MeterReading, "energy_wh", "set_aside")
_LOAD = (  # the columns that readings are sorted by come first
    "SELECT sampled_at, context <> '{begin}', received_at, id, energy_wh, set_aside, is_final, is_inferred,"
    " context, register_wh, power_w, soc_percent, interval_wh, signed_data"
    " FROM meter_reading WHERE session_id = {param} ORDER BY sampled_at"
)
_RISE = (  # from the first reading of an instant or later on
    "SELECT MAX(CASE WHEN sampled_at <= (SELECT MIN(sampled_at) FROM meter_reading WHERE session_id = {param}"
    " AND sampled_at >= {param} AND energy_wh IS NOT NULL) THEN energy_wh END), MAX(energy_wh)"
    " FROM meter_reading WHERE session_id = {param}"
)

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


def unstored(number: int, dated: list[Reading]) -> list[Reading]:
    """Return those of a session's readings that are not stored yet."""
    found = stored([key(number, reading) for reading in dated])
    return [reading for reading in dated if key(number, reading) not in found] if found else dated


def load(session: ChargingSession) -> dict[int, ReadingRow]:
    """Load a session's readings by their ids, in the order in which they count.

    Of one instant, a transaction's begin comes first. The others follow the numbers of their events (OCPP 2.x), else
    the order of receipt.
    """
    with __exception_wrapper__:
        sql = _LOAD.format(begin=BEGIN, param=database.param)
        stored = sorted(database.execute_sql(sql, [session.number]).fetchall())
    seq_nos = {to_microseconds(at): seq_no for at, seq_no in event_store.seq_nos(session).items()}
    if seq_nos:
        stored.sort(key=lambda columns: (*columns[:2], seq_nos.get(columns[2], MAX_INT32)))
    sampled_at = all_from_microseconds([columns[0] for columns in stored])
    received_at = all_from_microseconds([columns[2] for columns in stored])
    rows = {}
    for at, received, columns in zip(sampled_at, received_at, stored, strict=True):
        _, _, _, id_, energy_wh, aside, is_final, is_inferred, context, register, power, soc, interval, signed = columns
        reading = Reading(at, context, register, power, soc, interval, signed)
        rows[id_] = ReadingRow(reading, received, energy_wh, aside, bool(is_final), bool(is_inferred))
    return rows


def has_risen(number: int, since: datetime) -> bool:
    """Whether a session's energy has risen between two readings of an instant or later (`usage.is_resumed`)."""
    cursor = database.execute_sql(_RISE.format(param=database.param), [number, to_microseconds(since), number])
    first_wh, most_wh = cursor.fetchone()
    return first_wh is not None and most_wh > first_wh


def judge(rows: Iterable[tuple[int, ReadingRow]]) -> None:
    """Store the energy of readings, or why they are not counted."""
    _JUDGED.execute({"id": id_, "energy_wh": row.energy_wh, "set_aside": row.set_aside} for id_, row in rows)
