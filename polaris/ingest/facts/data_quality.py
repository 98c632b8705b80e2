"""Notes on the quality of a session's figures: each kind is stored once for a session, when it first applies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain import data_quality
from polaris.domain.data_quality import Note
from polaris.domain.facts import SessionStarted
from polaris.domain.metering import Reading
from polaris.domain.reading_rows import ReadingRow
from polaris.models import Bulk, ChargingSession, RowQuery, SessionNote


class _Kind(NamedTuple):
    kind: str


_KINDS = RowQuery(_Kind, SessionNote, "SELECT {columns} FROM session_note WHERE session_id IN ({marks})")
_INSERT = Bulk.insert(SessionNote, on_conflict="ON CONFLICT (session_id, kind) DO NOTHING")


def add(number: int, notes: Collection[Note], at: datetime) -> None:
    """Store notes in the caller's transaction, which also raises the session's revision."""
    _INSERT.execute(rows(number, notes, at))


def rows(number: int, notes: Collection[Note], at: datetime) -> list[dict[str, Any]]:
    """Return notes as `add_all` takes them."""
    return [{"session_id": number, "kind": str(kind), "at": at} for kind in sorted(notes)]


def add_all(rows: Iterable[dict[str, Any]]) -> None:
    """Store the notes of many sessions."""
    _INSERT.execute(rows)


def stored(number: int) -> frozenset[Note]:
    """Return a session's notes."""
    return frozenset(Note(row.kind) for row in _KINDS.rows([number]))


def of_figures(session: Any, notes: frozenset[Note]) -> frozenset[Note]:
    """Return the notes on the figures of a session, a model instance or a row with its columns."""
    is_without_start = session.meter_start_wh < 0 and session.transaction_id is None
    return notes | {Note.START_MISSING} if is_without_start else notes


def replace(number: int, kinds: frozenset[Note], notes: frozenset[Note], at: datetime) -> None:
    """Replace a session's notes of some kinds; add any others."""
    before = stored(number)
    outdated = [str(note) for note in before & kinds - notes]
    if outdated:
        SessionNote.delete().where(SessionNote.session == number, SessionNote.kind.in_(outdated)).execute()
    add(number, notes - before, at)


def of_start(start: SessionStarted, started_at: datetime, *, energy_unit: str, clock_offset_s: int) -> frozenset[Note]:
    """Return the notes on the session of a start, with its charger's settings."""
    notes = data_quality.of_instant(start.at, started_at, start.received_at)
    if start.meter_start_wh < 0 and start.transaction_id is None:
        notes |= {Note.START_MISSING}
    if energy_unit:
        notes |= {Note.UNIT_OVERRIDE}
    return notes | {Note.CLOCK_CORRECTED} if clock_offset_s else notes


def of_inferred(rows: Iterable[ReadingRow]) -> frozenset[Note]:
    """Return the note on readings that named no session, if one of them counts."""
    is_based_on_one = any(row.is_inferred and row.is_counted for row in rows)
    return frozenset({Note.INFERRED}) if is_based_on_one else data_quality.NONE


def of_readings(
    sent: Sequence[Reading], dated: Sequence[Reading], received_at: datetime, number: int | None = None
) -> frozenset[Note]:
    """Return the notes on the times of readings, comparing them as sent and as dated, for a session that is stored."""
    if not dated:
        return data_quality.NONE
    is_unchanged = len(sent) == 1 and sent[0] is dated[0]
    if not is_unchanged and (replaced := _replaced(sent, dated)):
        is_clock_right = number is not None and _are_of_session_before(number, replaced)
        return data_quality.NONE if is_clock_right else frozenset({Note.CLOCK_CORRECTED})
    if received_at - dated[-1].sampled_at >= data_quality.OFFLINE:
        return frozenset({Note.REPLAYED_OFFLINE})
    return data_quality.NONE


def _replaced(sent: Sequence[Reading], dated: Sequence[Reading]) -> list[Reading]:
    """Return the readings whose times are not believed."""
    believed = {reading.sampled_at for reading in dated}
    return [reading for reading in sent if reading.sampled_at not in believed]


def _are_of_session_before(number: int, readings: Sequence[Reading]) -> bool:
    """Whether readings that name a session were taken before its start, by a register that had not come as far yet."""
    session = ChargingSession.get_by_id(number)
    is_lower = all(
        reading.register_wh is not None and reading.register_wh <= session.meter_start_wh for reading in readings
    )
    return (
        is_lower
        and ChargingSession.select()
        .where(
            ChargingSession.charger == session.charger_id,
            ChargingSession.connector == session.connector,
            ChargingSession.number != number,
            ChargingSession.started_at <= min(reading.sampled_at for reading in readings),
        )
        .exists()
    )
