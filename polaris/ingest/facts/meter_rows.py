"""Meter readings as rows, stored in bulk: each once, however often it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

from peewee import __exception_wrapper__  # type: ignore[attr-defined]

from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import Reading, in_order
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest.facts import event_store
from polaris.ingest.sanitize import fit
from polaris.models import Bulk, ChargingSession, MeterReading, RowQuery, database, to_microseconds
from polaris.models.row_query import MAX_KEYS

_INSERT = Bulk.insert(MeterReading, on_conflict="ON CONFLICT (session_id, sampled_at, digest) DO NOTHING")
_JUDGED = Bulk.update(MeterReading, "energy_wh", "set_aside")


class _Stored(NamedTuple):
    """A stored reading: its id, then the fields of `ReadingRow` and of `Reading`, in their order."""

    id: int
    received_at: datetime
    energy_wh: int | None
    set_aside: str
    is_final: bool
    is_inferred: bool
    sampled_at: datetime
    context: str
    register_wh: int | None
    power_w: int | None
    soc_percent: int | None
    interval_wh: int | None
    signed_data: str


_STORED = RowQuery(
    _Stored,
    MeterReading,
    "SELECT {columns} FROM meter_reading WHERE session_id IN ({marks}) ORDER BY sampled_at, received_at, id",
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


def load(session: ChargingSession) -> list[tuple[int, ReadingRow]]:
    """Load a session's readings, with their ids, in the order in which they count.

    Those of one instant follow the numbers of their events (OCPP 2.x), else the order of receipt.
    """
    seq_nos = event_store.seq_nos(session)
    rows = [(row.id, ReadingRow(Reading(*row[6:]), *row[1:6])) for row in _STORED.rows([session.number])]
    return sorted(rows, key=lambda row: (*in_order(row[1].reading), seq_nos.get(row[1].received_at, MAX_INT32)))


def judge(rows: Iterable[tuple[int, ReadingRow]]) -> None:
    """Store the energy of readings, or why they are not counted."""
    _JUDGED.execute({"id": id_, "energy_wh": row.energy_wh, "set_aside": row.set_aside} for id_, row in rows)
