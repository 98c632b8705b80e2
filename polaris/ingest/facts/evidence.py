"""Evidence about sessions, applied: what the table of `polaris.domain.evidence` says of a fact is done to sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from peewee import SQL, fn

from polaris.domain import evidence
from polaris.domain import session as lifecycle
from polaris.domain.enums import SessionState
from polaris.domain.evidence import EFFECTS, REFUSED_TIMEOUT, Effect, Evidence, Weighed
from polaris.domain.metering import Reading
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.requests import stops
from polaris.models import ChargingSession, MeterReading, ModelQuery, RowQuery, locked
from polaris.pubsub import ChangeNotification

# A literal, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
_ACTIVE_REFUSED = SQL("state = 'active' AND \"authorization\" <> 'Accepted'")


class _Newest(NamedTuple):
    sampled_at: datetime


_OPEN_ON = ModelQuery(
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " WHERE state = 'active' AND connector = {param} AND charger_id IN ({marks}) ORDER BY number",
)
_NEWEST_NAMED = RowQuery(
    _Newest,
    MeterReading,
    "SELECT {columns} FROM meter_reading"
    " WHERE NOT is_inferred AND session_id IN ({marks}) ORDER BY sampled_at DESC LIMIT 1",
)


def open_on(charger_id: int, connector: int) -> list[ChargingSession]:
    """Return the sessions that are open on a connector, their rows locked, the one that began last first."""
    sessions = _OPEN_ON.rows([charger_id], connector, is_locking=True)
    return sorted(sessions, key=lambda session: session.started_at, reverse=True)


def weigh_start(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    others: Iterable[ChargingSession],
    *,
    is_dated: bool,
) -> None:
    """Weigh a start against the sessions that are open on its connector. Its own session is not stored yet."""
    is_alone = True
    for other in others:
        is_alone = False
        found = evidence.of_start(
            Weighed(other.started_at, other.is_idle_refusal, named_at(other)),
            started_at=session.started_at,
            is_dated=is_dated,
            is_refused=session.is_refused,
        )
        if EFFECTS[found] is Effect.ESTIMATES:
            _close(notifications, other, session.start_received_at, doubted_at=session.started_at)
        elif found is Evidence.START_OLDER:  # history beside the live session: only its end is still to come
            session.is_awaiting_end = True
            session.doubted_at = max(other.started_at, session.doubted_at or other.started_at)
    if session.is_refused and not is_alone:
        session.take(lifecycle.refuse(session.values()).session)


def named_at(session: ChargingSession) -> datetime | None:
    """Return the instant of the newest reading that named the session."""
    newest = _NEWEST_NAMED.first(session.number)
    return None if newest is None else newest.sampled_at


def weigh_reading(
    notifications: list[ChangeNotification], session: ChargingSession, readings: Sequence[Reading]
) -> None:
    """Resume a session that was closed on evidence if these readings, applied already, name it and are later.

    What else is open on the connector is in doubt then, unless its own readings are later still.
    """
    at = readings[-1].sampled_at
    if session.state != SessionState.ESTIMATED or not _outweighs(at, session):
        return
    session.take(lifecycle.resume(session.values(), readings[-1].power_w).session)
    for other in open_on(session.charger_id, session.connector):
        newest_at = named_at(other)
        if newest_at is None or newest_at < at:
            change(notifications, other, is_awaiting_end=True, doubted_at=at)


def _outweighs(at: datetime, session: ChargingSession) -> bool:
    """Whether a reading proves that a closed session goes on. A refused one needs energy, which then is enough."""
    if session.is_idle_refusal:
        return False
    return session.is_refused if session.doubted_at is None else at > session.doubted_at


def weigh_status(notifications: list[ChangeNotification], number: int, status: str) -> None:
    """Weigh what a charger has answered about a session that it was asked about (OCPP 2.x)."""
    session = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    effect = EFFECTS[evidence.SAID[status]] if status in evidence.SAID else Effect.NONE
    if session is None or session.state == SessionState.COMPLETED or effect is Effect.NONE:
        return
    if effect is Effect.RESUMES and session.state == SessionState.ESTIMATED and not session.is_idle_refusal:
        session.take(lifecycle.resume(session.values(), None).session)
    is_awaiting_end = effect is Effect.DOUBTS and session.state == SessionState.ACTIVE
    if session.is_awaiting_end != is_awaiting_end or session.dirty_fields:
        # The answer has no time of the charger's: whatever comes after it is later.
        change(
            notifications,
            session,
            **changed_columns(session) | {"is_awaiting_end": is_awaiting_end, "doubted_at": None},
        )


def refuse(notifications: list[ChangeNotification], session: ChargingSession, now: datetime) -> None:
    """Close the session of a refused card, with which nothing has flowed."""
    _close(notifications, session, now)


def idle_refusals(now: datetime) -> list[int]:
    """Return the refused sessions with which nothing has flowed for a while."""
    query = ChargingSession.select().where(_ACTIVE_REFUSED, ChargingSession.start_received_at <= now - REFUSED_TIMEOUT)
    has_flowed = (fn.COALESCE(ChargingSession.energy_wh, 0) != 0) | (fn.COALESCE(ChargingSession.power_w, 0) != 0)
    idle = query.where(~has_flowed).order_by(ChargingSession.number)
    return [session.number for session in idle if session.is_idle_refusal]  # not those without a card yet (OCPP 2.x)


def end_refused(notifications: list[ChangeNotification], numbers: Sequence[int], now: datetime) -> None:
    """Close refused sessions, unless something has flowed since."""
    query = ChargingSession.select().where(ChargingSession.number.in_(numbers)).order_by(ChargingSession.number)
    for session in locked(query):
        if session.state == SessionState.ACTIVE and session.is_idle_refusal:
            refuse(notifications, session, now)


def _close(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    now: datetime,
    doubted_at: datetime | None = None,
) -> None:
    """Close a session as an estimate, on evidence of `doubted_at` if it is not its refused card alone."""
    values = session.values()
    if session.is_idle_refusal or doubted_at is None:
        decision = lifecycle.refuse(values)
    else:
        decision = lifecycle.supersede(values, received_at=doubted_at)
    session.take(decision.session)
    stops.complete_all(session.number, now)
    change(notifications, session, **changed_columns(session) | {"is_awaiting_end": False, "doubted_at": doubted_at})
