"""Single-row path for ends of sessions.

An end may be repeated and come before its start; a session ends once.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from polaris.domain import data_quality as quality
from polaris.domain import session as lifecycle
from polaris.domain.data_quality import Note
from polaris.domain.enums import Correction, SessionState
from polaris.domain.facts import SessionEnded, SessionMetered
from polaris.domain.metering import END, Reading, completed, is_unreadable
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest import driver_notices
from polaris.ingest.facts import (
    corrections,
    data_quality,
    evidence,
    meter_rows,
    pricing,
    rebuild,
    session_cards,
    session_meter,
    session_rows,
    unmatched_ends,
    unprocessable,
)
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.facts.replay_cache import once
from polaris.ingest.outcomes import Ended
from polaris.ingest.requests import stops
from polaris.ingest.sanitize import fit_line
from polaris.models import ChargingSession, MeterReading
from polaris.pubsub import ChangeNotification

MAX_ENDS = 4  # of a session that are weighed against each other; chargers that send more send nonsense


@once
def ended(notifications: list[ChangeNotification], fact: SessionEnded, now: datetime) -> Ended:
    """Close a session with the charger's figures. No figure can prevent it (OCPP 1.6 §4.10)."""
    session = session_rows.named(fact)
    if session is not None:
        end(notifications, session, fact, now)
    elif (session := unmatched_ends.adopt(fact)) is not None:
        end(notifications, session, fact, now, frozenset({Note.END_JOINED}))
    elif unmatched_ends.keep(fact):
        unprocessable.keep(fact, "no such session")
    return Ended(None if fact.id_tag is None else session_cards.authorization(fact.id_tag, fact.received_at))


def end(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    fact: SessionEnded,
    now: datetime,
    notes: frozenset[Note] = frozenset(),
) -> None:
    before = session.values()
    started_at = None if session.is_start_inferred else session.started_at
    dated = lifecycle.dated(fact.readings, fact.received_at, started_at)
    ended_at = lifecycle.ended_at(before, fact.at, fact.received_at)
    final, readings = split(Reading(ended_at, END, fact.meter_stop_wh), dated)
    if session.final_at is not None or (before.state, lifecycle.SESSION_ENDED) not in lifecycle.TRANSITIONS:
        _weigh_second_end(notifications, session, fact, (final, readings), now)
        return
    readings = meter_rows.unstored(session.number, readings)
    if readings:
        notes |= session_meter.meter(session, readings, fact.received_at, now)
    is_outdated = session.needs_rebuild or not session.meter
    decision = lifecycle.end(session.values(), final, fact.received_at, fit_line(fact.reason))
    meter_rows.store(meter_rows.values(session.number, row) for row in decision.rows)
    session.take(decision.session)
    pricing.weigh(session, before.energy_wh, decision.rows)
    session.end_received_at = fact.received_at
    if before.state is SessionState.ESTIMATED:
        session.estimated_wh = before.energy_wh
    notes |= decision.notes | quality.of_instant(fact.at, ended_at, fact.received_at)
    notes |= data_quality.of_readings(fact.readings, dated, fact.received_at, session.number)
    has_late = is_outdated or before.state is SessionState.ESTIMATED
    may_be_nothing = session.is_refused and session.energy_wh is None
    is_due = decision.needs_rebuild or pricing.needs_split(session, ended_at)
    if has_late or may_be_nothing or (is_due and not rebuild.is_put_off(session)):
        rebuild.figures(session, now)
    else:
        of_figures = data_quality.of_figures(session, notes)
        data_quality.replace(session.number, quality.OF_FIGURES, of_figures, fact.received_at)
    data_quality.add(session.number, notes - quality.OF_FIGURES, fact.received_at)
    if before.state is SessionState.ESTIMATED:
        corrections.note(session, Correction.LATE_END, before.energy_wh, fact.received_at)
    stops.complete_all(session.number, now)
    change(
        notifications,
        session,
        **changed_columns(session),
        last_heard_at=fact.received_at,
        is_awaiting_end=False,
    )
    driver_notices.note_end(session.number, ended_at, fact.received_at)


def split(final: Reading, dated: list[Reading]) -> tuple[Reading, list[Reading]]:
    """Return the final reading with the values that were sent for it with the end, and the other readings.

    An end that has no register, but a reading of context Transaction.End, takes that one's.
    """
    if final.register_wh is None:
        at_end = [reading.register_wh for reading in dated if reading.context == END]
        final = replace(final, register_wh=next((wh for wh in reversed(at_end) if wh is not None), None))
    others = []
    for reading in dated:
        is_own = reading.context == END or reading.sampled_at == final.sampled_at
        is_mark = reading.interval_wh is not None or is_unreadable(reading)
        if is_own and reading.register_wh in (final.register_wh, None) and not is_mark:
            final = replace(completed(final, reading), context=END)
        else:
            others.append(reading)
    return final, others


def _weigh_second_end(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    fact: SessionEnded,
    told: tuple[Reading, list[Reading]],
    now: datetime,
) -> None:
    """Take a second end that differs from the first if the register of that one does not count; its readings are late.

    Otherwise the first one's figures stand, and the second is kept.
    """
    final, readings = told
    stored = list(MeterReading.select().where(MeterReading.session == session, MeterReading.is_final))
    is_same = any(final.register_wh == before.register_wh for before in stored)
    if is_same or (final.register_wh is None and not fact.readings):
        return
    if session.final_at is not None:
        unprocessable.keep(fact, unprocessable.FINAL)
        return
    if len(stored) < MAX_ENDS and _may_replace_end(session, final, stored):
        before_wh = session.energy_wh
        rows = [ReadingRow(final, fact.received_at, is_final=True)]
        rows += [ReadingRow(reading, fact.received_at) for reading in meter_rows.unstored(session.number, readings)]
        meter_rows.store(meter_rows.values(session.number, row) for row in rows)
        if not rebuild.is_put_off(session):
            rebuild.figures(session, now)
        corrections.note(session, Correction.LATE_END, before_wh, fact.received_at)
        change(notifications, session, **changed_columns(session), last_heard_at=fact.received_at)
        return
    unprocessable.keep(fact, f"{lifecycle.SESSION_ENDED} while {session.state}")
    session_meter.metered(
        notifications,
        SessionMetered(
            charger_id=fact.charger_id,
            received_at=fact.received_at,
            connector=session.connector,
            number=session.number,
            transaction_id=session.transaction_id,
            readings=fact.readings,
        ),
        now,
    )


def _may_replace_end(session: ChargingSession, final: Reading, stored: list[MeterReading]) -> bool:
    """Whether a second end may be the right one: no end of the session counts yet, and none has begun there since."""
    if final.register_wh is None:
        return False
    is_settled = any(before.register_wh is not None and before.set_aside == "" for before in stored)
    return not (is_settled and session.energy_wh) and not evidence.has_later(session, final.sampled_at)
