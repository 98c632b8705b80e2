"""Single-row path for readings of sessions.

They may be repeated and arrive in any order; each is stored once.
"""

from __future__ import annotations

from datetime import datetime

from polaris.domain import connectors
from polaris.domain import data_quality as quality
from polaris.domain import session as lifecycle
from polaris.domain.data_quality import Note
from polaris.domain.enums import Correction, SessionState
from polaris.domain.facts import SessionMetered
from polaris.domain.instants import CLOCK_TOLERANCE
from polaris.domain.metering import Reading, in_order
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest.facts import (
    corrections,
    data_quality,
    evidence,
    meter_rows,
    pricing,
    rebuild,
    session_rows,
    unprocessable,
)
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.requests import limits
from polaris.models import ChargingSession
from polaris.pubsub import ChangeNotification


def metered(notifications: list[ChangeNotification], fact: SessionMetered, now: datetime) -> None:
    """Store readings. Those that name no session belong to the session that is open on the connector."""
    dated = lifecycle.dated(fact.readings, fact.received_at)
    named = session_rows.named(fact)
    session = named if fact.transaction_id is not None else _meant(fact, named, dated)
    is_named = session is not None and session is named
    if session is not None and is_named and not session.is_start_inferred:
        dated = lifecycle.dated(fact.readings, fact.received_at, session.started_at)
    if session is None or (not is_named and _is_before(dated, session)):
        unprocessable.keep(fact, "no such session")
        return
    if session.final_at is not None:
        unprocessable.keep(fact, unprocessable.FINAL)
        return
    readings = meter_rows.unstored(session.number, dated)
    if not readings:
        return
    energy_wh, is_ended = session.energy_wh, session.state != SessionState.ACTIVE
    notes = meter(session, readings, fact.received_at, now, is_inferred=not is_named)
    if is_named:
        evidence.weigh_reading(notifications, session, dated)
    # A charger may still meter a connector that it has reported free; only more energy shows that the session goes on.
    is_idle = not is_named and (session.energy_wh or 0) <= (energy_wh or 0)
    is_in_doubt = session.is_awaiting_end and (
        is_idle or not evidence.is_outweighed(session, dated[-1].sampled_at, fact.received_at)
    )
    if is_ended:
        corrections.note(session, Correction.LATE_READINGS, energy_wh, fact.received_at)
    notes |= data_quality.of_readings(fact.readings, dated, fact.received_at, session.number)
    data_quality.add(session.number, notes, fact.received_at)
    change(
        notifications,
        session,
        **changed_columns(session),
        last_heard_at=fact.received_at,
        is_awaiting_end=is_in_doubt,
    )
    if session.limit_id is not None:
        limits.weigh(notifications, session, now, session.last_reading_at)


def meter(
    session: ChargingSession,
    readings: list[Reading],
    received_at: datetime,
    now: datetime,
    *,
    is_inferred: bool = False,
) -> frozenset[Note]:
    """Store new readings and set the session's figures: in order step by step, else by a rebuild. Return the notes."""
    values = session.values()
    newest_at = session.last_reading_at
    is_in_order = newest_at is None or in_order(readings[0]) >= (newest_at, True)
    if is_in_order and session.meter and values.state is SessionState.ACTIVE:
        decision = lifecycle.meter(values, readings, received_at, is_inferred=is_inferred)
        meter_rows.store(meter_rows.values(session.number, row) for row in decision.rows)
        session.take(decision.session)
        pricing.weigh(session, values.energy_wh, decision.rows)
        is_due = decision.needs_rebuild or pricing.is_border_passed(session, session.last_reading_at)
        if not is_due or rebuild.is_put_off(session):
            return decision.notes | data_quality.of_inferred(decision.rows)
        rebuild.figures(session, now)
        return decision.notes
    rows = [ReadingRow(reading, received_at, is_inferred=is_inferred) for reading in readings]
    meter_rows.store(meter_rows.values(session.number, row) for row in rows)
    if not rebuild.is_put_off(session):
        rebuild.figures(session, now)
    return quality.NONE


def _meant(fact: SessionMetered, named: ChargingSession | None, dated: list[Reading]) -> ChargingSession | None:
    """Return the session that readings are of: the one that they name, else the one that is open on the connector.

    Some chargers go on to name the session before, which has ended.
    """
    is_over = named is not None and named.state == SessionState.COMPLETED
    if named is not None and not (is_over and dated and dated[0].sampled_at > named.ended_at):
        return named
    found = _open_on(fact.charger_id, fact.connector, dated)
    is_later = found is not None and dated and found.started_at > dated[0].sampled_at
    return named if named is not None and (found is None or is_later) else found


def _open_on(charger_id: int, connector: int, dated: list[Reading]) -> ChargingSession | None:
    """Return the only session that is open on a connector, for readings that name none.

    One that awaits its end is none beside another, nor after another has begun and ended there.
    """
    found = evidence.open_on(charger_id, connector) or evidence.open_on(charger_id, *connectors.further(connector))
    going_on = [session for session in found if not session.is_awaiting_end]
    if not going_on and found and not evidence.has_successor(found[0], dated[-1].sampled_at if dated else None):
        return found[0]
    return going_on[0] if len(going_on) == 1 else None


def _is_before(dated: list[Reading], session: ChargingSession) -> bool:
    """Whether readings that name no session are older than the open one."""
    return bool(dated) and dated[-1].sampled_at < session.started_at - CLOCK_TOLERANCE
