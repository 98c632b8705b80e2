"""Notes on the quality of a session's figures, kept with the session: each kind once, from when it was first seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from peewee import fn

from polaris.domain import data_quality
from polaris.domain.data_quality import Note
from polaris.domain.metering import Reading
from polaris.domain.session import Session
from polaris.models import Charger, ChargingSession, MeterReading, SessionNote

NONE: frozenset[Note] = frozenset()


def add(number: int, found: Collection[Note], at: datetime) -> None:
    """Keep the notes in the caller's transaction, which also changes the session's revision."""
    if found:
        rows = [{"session": number, "kind": kind, "at": at} for kind in sorted(found)]
        SessionNote.insert_many(rows).on_conflict_ignore().execute()


def of_start(opened: ChargingSession, at: datetime | None) -> frozenset[Note]:
    found = data_quality.of_instant(at, opened.started_at, opened.start_received_at)
    if opened.meter_start_wh < 0:
        found |= {Note.START_MISSING}
    has_override = Charger.select().where(Charger.id == opened.charger_id, Charger.energy_unit != "").exists()
    return found | {Note.UNIT_OVERRIDE} if has_override else found


def of_readings(said: Sequence[Reading], dated: Sequence[Reading], received_at: datetime) -> frozenset[Note]:
    """Of readings as they were said, and as they were dated: only what they say by themselves."""
    if not dated:
        return NONE
    is_one = len(said) == 1 and said[0] is dated[0]
    found = NONE
    if not is_one and {reading.sampled_at for reading in said} != {reading.sampled_at for reading in dated}:
        found |= {Note.CLOCK_CORRECTED}
    elif received_at - dated[-1].sampled_at >= data_quality.OFFLINE:
        found |= {Note.REPLAYED_OFFLINE}
    return found


def of_whole(number: int, closed: Session) -> frozenset[Note]:
    """Of a session that has just ended: whether its mean power, over its time, contradicts its energy."""
    mean_w = MeterReading.select(fn.AVG(MeterReading.power_w)).where(MeterReading.session == number).scalar()
    if mean_w is None or closed.ended_at is None:
        return frozenset()
    is_doubtful = data_quality.is_contradicted(
        closed.meter.energy_wh, float(mean_w), closed.ended_at - closed.started_at
    )
    return frozenset({Note.UNIT_DOUBTFUL} if is_doubtful else ())
