"""Silent and stuck sessions: the charger is asked for readings once, then the session is listed as stuck.

No session is closed automatically. An operator closes one on evidence, as an estimate, and the end that the charger may
still send replaces it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, SQL, chunked, fn

from polaris.audit import record
from polaris.domain import evidence, session, tariff
from polaris.domain.enums import ChargerStatus, SessionState, StopState
from polaris.domain.evidence import Signs
from polaris.domain.sentences import Sentence
from polaris.domain.tariff import Money
from polaris.ingest import driver_notices
from polaris.ingest.facts import data_quality
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.requests import command_history, stops
from polaris.models import Account, Charger, ChargingSession, StopRequest, locked
from polaris.models.session import usage_of
from polaris.pubsub import ChangeNotification

# Literals, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
ACTIVE = SQL("state = 'active'")
OVERDUE = SQL("state = 'overdue'")
MAX_NUMBERS = 500  # in one statement; databases refuse tens of thousands of parameters
MAX_FOLLOW_UPS = 100  # in one sweep, so that many silent chargers are not all asked in the same second


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A silent session, whose charger is to be asked for readings."""

    identity: str
    connector: int
    number: int
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A session that seems to be over, with the evidence."""

    number: int
    charger: str
    connector: int
    energy_wh: int | None  # None if it cannot be judged yet
    started_at: datetime
    evidence: list[Sentence]
    last_heard_at: datetime
    is_v2: bool  # of OCPP 2.x, whose chargers can be asked about it


@dataclass(frozen=True, slots=True)
class Closing:
    """A session as its closing would leave it: the estimate, and whom it concerns."""

    charger: str
    connector: int
    driver: str  # "" if nobody's card started it
    evidence: list[Sentence]
    ended_at: datetime | None  # that of its last reading; None if it has none, so it ends as it is closed
    energy_wh: int | None
    cost: Money | None


def silent(bridge_id: str, now: datetime, silence: timedelta) -> list[FollowUp]:
    """Return a bridge's sessions that are silent, await an end or did not stop: each once until it reports again."""
    is_overdue = StopRequest.select(StopRequest.session).where(OVERDUE)
    query = (
        ChargingSession.select(
            ChargingSession.number, ChargingSession.connector, ChargingSession.transaction_id, Charger.identity
        )
        .join(Charger)
        .where(ACTIVE)
        .where(Charger.bridge == bridge_id, Charger.connection_id.is_null(False))
        .where(
            (ChargingSession.last_heard_at <= now - silence)
            | ChargingSession.is_awaiting_end
            | ChargingSession.number.in_(is_overdue)
        )
        .where(
            ChargingSession.followed_up_at.is_null() | (ChargingSession.followed_up_at < ChargingSession.last_heard_at)
        )
        .order_by(ChargingSession.number)
        .limit(MAX_FOLLOW_UPS)
    )
    return [FollowUp(row.charger.identity, row.connector, row.number, row.transaction_id) for row in query]


def note_asked(notifications: list[ChangeNotification], silent: Sequence[FollowUp], now: datetime) -> None:
    """Note that these sessions are being followed up, so that no other sweep does."""
    numbers = [session.number for session in silent]
    ChargingSession.update(followed_up_at=now).where(ChargingSession.number.in_(numbers)).execute()


def stuck(now: datetime) -> list[Stuck]:
    """Return the active sessions that seem to be over, the oldest first."""
    return _judged([number for (number,) in _candidates(now).tuples()], now)


def newest_stuck(now: datetime, limit: int) -> list[Stuck]:
    """Return the newest of the active sessions that seem to be over, the oldest of them first."""
    # Without the sign, SQLite would walk over all sessions for this order.
    newest = _candidates(now).order_by(SQL("+number DESC")).limit(limit)
    return _judged([number for (number,) in newest.tuples()], now)


def _candidates(now: datetime) -> Any:
    """Select the numbers of the active sessions that anything speaks against, as `evidence_of` weighs it: few."""
    last = ChargingSession.last_heard_at
    is_overdue = ChargingSession.number.in_(StopRequest.select(StopRequest.session).where(OVERDUE))
    is_silent = (ChargingSession.followed_up_at >= last) & (
        ChargingSession.followed_up_at <= now - evidence.READINGS_TIMEOUT
    )
    return (
        ChargingSession.select(ChargingSession.number)
        .where(ACTIVE)
        .where(ChargingSession.is_awaiting_end | is_silent | (last <= now - evidence.SILENCE) | is_overdue)
    )


def _judged(numbers: Sequence[int], now: datetime) -> list[Stuck]:
    found = []
    for some in chunked(sorted(numbers), MAX_NUMBERS):
        query = ChargingSession.select(ChargingSession, Charger.identity).join(Charger)
        rows = list(query.where(ACTIVE, ChargingSession.number.in_(some)).order_by(ChargingSession.number))
        stops = _latest_stops(some)
        judged = [(row, evidence.evidence_of(_signs(row, stops.get(row.number)), now)) for row in rows]
        found += [_stuck(row, sentences) for row, sentences in judged if sentences]
    return found


def _stuck(row: ChargingSession, sentences: list[Sentence]) -> Stuck:
    return Stuck(
        row.number,
        row.charger.identity,
        row.connector,
        row.effective_wh,
        row.started_at,
        sentences,
        row.last_heard_at,
        is_v2=row.transaction_id is not None,
    )


def _latest_stops(numbers: Sequence[int]) -> dict[int, StopRequest]:
    """Return the latest stop request of each of these sessions."""
    of_sessions = StopRequest.select(fn.MAX(StopRequest.id)).where(StopRequest.session.in_(list(numbers)))
    query = StopRequest.select().where(StopRequest.id.in_(of_sessions.group_by(StopRequest.session)))
    return {request.session_id: request for request in query}


def close(notifications: list[ChangeNotification], number: int, actor: str, now: datetime) -> bool:
    """Close a session on its evidence, as an estimate; return False if it is not active or has none."""
    row = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    if row is None or row.state != SessionState.ACTIVE:
        return False
    found = evidence.evidence_of(_signs(row, _latest_stops([number]).get(number)), now)
    if found:
        _close(notifications, row, " ".join(found), actor, now)
    return bool(found)


def closing(number: int, now: datetime) -> Closing | None:
    """Return what closing a session would make of it, without closing it; None as `close` would return False."""
    query = ChargingSession.select(ChargingSession, Account).join(Account, JOIN.LEFT_OUTER)
    row = query.where(ChargingSession.number == number).first()
    if row is None or row.state != SessionState.ACTIVE:
        return None
    found = evidence.evidence_of(_signs(row, _latest_stops([number]).get(number)), now)
    if not found:
        return None
    after = session.close(row.values(), now=now).session
    driver = row.account.email if row.account else ""
    if after.ended_at is None or after.ended_at >= now:
        return Closing(row.charger.name, row.connector, driver, found, None, after.energy_wh, None)
    prices = row.tariff.prices() if row.tariff else None
    usage = usage_of(row, after.ended_at, energy_wh=after.energy_wh, metered_wh=after.energy_wh)
    cost = tariff.estimate(prices, usage, is_idle_refusal=row.is_idle_refusal)
    return Closing(row.charger.name, row.connector, driver, found, after.ended_at, after.energy_wh, cost)


def close_of_retired(notifications: list[ChangeNotification], identity: str, actor: str, now: datetime) -> list[int]:
    """Close the active sessions of a charger that is retired; return their numbers."""
    retired = Charger.select().where(Charger.identity == identity, Charger.status == ChargerStatus.RETIRED)
    query = ChargingSession.select().where(ACTIVE, ChargingSession.charger.in_(retired))
    rows = list(locked(query.order_by(ChargingSession.number)))
    for row in rows:
        _close(notifications, row, "The charger is retired.", actor, now)
    return [row.number for row in rows]


def _close(notifications: list[ChangeNotification], row: ChargingSession, why: str, actor: str, now: datetime) -> None:
    number = row.number
    decision = session.close(row.values(), now=now)
    row.take(decision.session)
    data_quality.add(number, decision.notes, now)
    stops.complete_all(number, now)
    energy = "energy not known" if row.energy_wh is None else f"{row.energy_wh} Wh"
    record(actor, "session.closed", f"session {number}", now, f"{why} Ended at {row.ended_at.isoformat()}, {energy}")
    change(notifications, row, **changed_columns(row), is_awaiting_end=False, doubted_at=now)
    driver_notices.note_end(number, row.ended_at, now)


def _signs(row: ChargingSession, latest: StopRequest | None) -> Signs:
    return Signs(
        connector_status=row.connector_status,
        is_awaiting_end=row.is_awaiting_end,
        last_heard_at=row.last_heard_at,
        followed_up_at=row.followed_up_at,
        stop_state=None if latest is None else StopState(latest.state),
        stop_decided_at=None if latest is None else latest.decided_at,
        charger_status=command_history.status_of(row) if row.transaction_id else "",
    )
