"""Evidence about sessions, applied: what the table of `polaris.domain.evidence` says of a fact is done to sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace
from peewee import SQL, fn

from polaris.domain import connectors, evidence
from polaris.domain import session as lifecycle
from polaris.domain.enums import Authorization, ConnectorStatus, SessionState
from polaris.domain.evidence import EFFECTS, REFUSED_TIMEOUT, Effect, Evidence, Weighed
from polaris.domain.metering import Reading
from polaris.ingest import driver_notices
from polaris.ingest.facts import max_power
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.requests import stops
from polaris.models import ChargingSession, Connector, MeterReading, ModelQuery, RowQuery, locked
from polaris.pubsub import ChangeNotification

# A literal, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
_ACTIVE_REFUSED = SQL("state = 'active' AND \"authorization\" <> 'Accepted'")


class _Newest(NamedTuple):
    sampled_at: datetime


class _Number(NamedTuple):
    number: int


_OPEN_ON = ModelQuery(
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " WHERE state = 'active' AND (charger_id, connector) IN (VALUES {marks}) ORDER BY number",
)
_CONNECTORS = RowQuery(_Number, Connector, "SELECT {columns} FROM connector WHERE charger_id IN ({marks})")
_NEWEST_NAMED = RowQuery(
    _Newest,
    MeterReading,
    "SELECT {columns} FROM meter_reading"
    " WHERE NOT is_inferred AND session_id IN ({marks}) ORDER BY sampled_at DESC LIMIT 1",
)


def open_on(charger_id: int, *connectors: int) -> list[ChargingSession]:
    """Return the sessions that are open on connectors, their rows locked, the one that began last first."""
    sessions = _OPEN_ON.rows([(charger_id, connector) for connector in connectors], is_locking=True)
    return sorted(sessions, key=lambda session: session.started_at, reverse=True)


def open_beside(session: ChargingSession) -> list[ChargingSession]:
    """Return the other open sessions that a session's start is evidence about, as `open_on` does."""
    places: tuple[int, ...] = (session.connector,)
    if session.transaction_id is not None:
        places = evidence.shares(session.connector, _evse_ids(session.charger_id))
    return [other for other in open_on(session.charger_id, *places) if other != session]


def _evse_ids(charger_id: int) -> set[int]:
    """Return the ids of the EVSEs that a charger has reported."""
    numbers = [row.number for row in _CONNECTORS.rows([charger_id]) if row.number > 0]
    return {connectors.evse_id(number) for number in numbers} | max_power.evse_ids(charger_id)


def has_successor(session: ChargingSession, until: datetime | None) -> bool:
    """Whether another session has begun on the connector since this one, and ended: by the charger's clock."""
    on_connector = (ChargingSession.charger == session.charger_id) & (ChargingSession.connector == session.connector)
    has_charged = (ChargingSession.authorization == Authorization.ACCEPTED) | (ChargingSession.energy_wh > 0)
    is_later = (ChargingSession.started_at > session.started_at) & (ChargingSession.ended_at > session.started_at)
    if until is not None:
        is_later &= ChargingSession.started_at <= until
    return bool(ChargingSession.select().where(on_connector, is_later, has_charged).exists())


def has_later(session: ChargingSession, until: datetime) -> bool:
    """Whether another session has begun on the connector since this one, by an instant of the charger's clock."""
    on_connector = (ChargingSession.charger == session.charger_id) & (ChargingSession.connector == session.connector)
    is_later = (ChargingSession.started_at > session.started_at) & (ChargingSession.started_at < until)
    return bool(ChargingSession.select().where(on_connector, is_later).exists())


def has_stood_still(session: ChargingSession) -> bool:
    """Whether the next start on the connector has this session's register."""
    on_connector = (ChargingSession.charger == session.charger_id) & (ChargingSession.connector == session.connector)
    later = on_connector & (ChargingSession.number > session.number) & (ChargingSession.started_at > session.started_at)
    following = ChargingSession.select().where(later).order_by(ChargingSession.started_at).first()
    return following is not None and following.meter_start_wh == session.meter_start_wh >= 0


def is_charging(session: ChargingSession) -> bool:
    """Whether a session that goes on takes place: its card was not refused, and its connector does not stand idle."""
    if session.is_idle_refusal:
        return False
    status, energy_wh = session.connector_status, session.energy_wh
    is_told = evidence.is_charging(status, energy_wh=energy_wh, power_w=session.power_w)
    return is_told or _has_charged_since(session)


def _has_charged_since(session: ChargingSession) -> bool:
    """Whether energy was read since the connector reported its state, which then is no reason to doubt it."""
    connector = Connector.get_or_none(
        Connector.charger == session.charger_id,
        Connector.number == session.connector,
        Connector.status == session.connector_status,
    )
    if connector is None:
        return False
    before = MeterReading.select(fn.MAX(MeterReading.energy_wh)).where(
        MeterReading.session == session, MeterReading.sampled_at <= connector.changed_at
    )
    return (session.energy_wh or 0) > (before.scalar() or 0)


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
            register_wh = session.meter_start_wh
            _close(notifications, other, session.start_received_at, session.started_at, register_wh=register_wh)
        elif found is Evidence.START_OLDER:  # history beside the live session: only its end is still to come
            session.is_awaiting_end = True
            session.doubted_at = max(other.started_at, session.doubted_at or other.started_at)
    if session.is_refused and not is_alone:
        session.take(lifecycle.refuse(session.values()).session)


def weigh_late_start(session: ChargingSession) -> None:
    """Weigh the state of the connector against a start that has waited in a queue. It is not stored yet."""
    connector = Connector.get_or_none(Connector.charger == session.charger_id, Connector.number == session.connector)
    if connector is None or connector.status != ConnectorStatus.AVAILABLE or session.state != SessionState.ACTIVE:
        return
    if connector.changed_at > session.started_at:
        session.is_awaiting_end = True
        session.doubted_at = max(connector.changed_at, session.doubted_at or connector.changed_at)


def named_at(session: ChargingSession) -> datetime | None:
    """Return the instant of the newest reading that named the session."""
    newest = _NEWEST_NAMED.first(session.number)
    return None if newest is None else newest.sampled_at


def is_outweighed(session: ChargingSession, at: datetime, received_at: datetime) -> bool:
    """Whether what names a session that awaits its end is later than what puts it in doubt."""
    doubted_at = session.doubted_at
    is_of_boot = doubted_at is not None and doubted_at == session.charger.booted_at
    return evidence.is_later(at, doubted_at, since_boot=received_at - doubted_at if is_of_boot else None)


def weigh_reading(
    notifications: list[ChangeNotification], session: ChargingSession, readings: Sequence[Reading]
) -> None:
    """Resume a session that was closed on evidence if these readings, applied already, name it and are later."""
    at = readings[-1].sampled_at
    if session.state == SessionState.ESTIMATED and _outweighs(at, session):
        resume(notifications, session, at, readings[-1].power_w)


def weigh_event(notifications: list[ChangeNotification], session: ChargingSession, at: datetime, status: str) -> None:
    """Resume a session that was closed on evidence if an event that names it (OCPP 2.x) is later; its end is none."""
    is_gone = status == ConnectorStatus.IDLE  # the car has left
    if session.state == SessionState.ESTIMATED and not is_gone and _outweighs(at, session):
        resume(notifications, session, at)
        change(notifications, session, **changed_columns(session))


def resume(
    notifications: list[ChangeNotification], session: ChargingSession, at: datetime, power_w: int | None = None
) -> None:
    """Set a closed session's columns as it goes on, by a message of this instant, for the caller to store.

    What else is open on the connector is in doubt then, unless its own readings are later still.
    """
    session.take(lifecycle.resume(session.values(), power_w).session)
    for other in open_beside(session):
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
    if session.final_at is not None:
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
    *,
    register_wh: int = -1,
) -> None:
    """Close a session as an estimate, on evidence of `doubted_at` if it is not its refused card alone.

    If nothing was read of it, and the next start has its register, `register_wh`, nothing has flowed: many such starts
    are one that is told again at another time.
    """
    values = session.values()
    if session.is_idle_refusal or doubted_at is None:
        decision = lifecycle.refuse(values)
    else:
        decision = lifecycle.supersede(values, received_at=doubted_at)
        if decision.session.energy_wh is None and register_wh == session.meter_start_wh >= 0:
            decision = replace(decision, session=replace(decision.session, energy_wh=0))
    session.take(decision.session)
    stops.complete_all(session.number, now)
    change(notifications, session, **changed_columns(session) | {"is_awaiting_end": False, "doubted_at": doubted_at})
    if doubted_at is not None and session.ended_at is not None:
        driver_notices.note_end(session.number, session.ended_at, now)
