"""Sessions that should have ended, or said something: the charger is asked once, then they are listed as stuck.

Nothing here ends a session by itself. A person closes one on evidence, as an estimate, and the end that the charger may
still send replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import SQL

from polaris.domain import session, stuck_session
from polaris.domain.enums import SessionState, StopState
from polaris.domain.stuck_session import Signs
from polaris.ingest.facts import data_quality
from polaris.ingest.facts.chargers import change
from polaris.ingest.requests import command_history, stops
from polaris.models import AuditEntry, Charger, ChargingSession, StopRequest, locked
from polaris.pubsub import ChangeNotification

# Written out, not as parameters: SQLite takes a partial index only for what it can read in the statement.
ACTIVE = SQL("state = 'active'")
OVERDUE = SQL("state = 'overdue'")
MAX_AT_ONCE = 100  # asked in one sweep; the others come with the next


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A session whose charger is to be asked for its readings."""

    identity: str
    connector: int
    number: int
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A session that seems to be over, and what speaks for it."""

    number: int
    charger: str
    connector: int
    energy_wh: int
    started_at: datetime
    evidence: list[str]


def silent(bridge_id: str, now: datetime, silence: timedelta) -> list[FollowUp]:
    """The sessions of a bridge's chargers that were silent, or lost their end: each once until it is heard of again."""
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
        .limit(MAX_AT_ONCE)
    )
    return [FollowUp(row.charger.identity, row.connector, row.number, row.transaction_id) for row in query]


def note_asked(notifications: list[ChangeNotification], found: Sequence[FollowUp], now: datetime) -> None:
    """Note that the chargers of these sessions are being asked, so that none is asked twice."""
    numbers = [one.number for one in found]
    ChargingSession.update(followed_up_at=now).where(ChargingSession.number.in_(numbers)).execute()


def stuck(now: datetime) -> list[Stuck]:
    """The active sessions that seem to be over, oldest first."""
    query = ChargingSession.select(ChargingSession, Charger).join(Charger)
    query = query.where(ACTIVE).order_by(ChargingSession.number)
    return list(_stuck(query, now))


def _stuck(query: Iterable[ChargingSession], now: datetime) -> Iterator[Stuck]:
    for found in query:
        signs = stuck_session.of(_signs(found), now)
        if signs:
            yield Stuck(found.number, found.charger.identity, found.connector, found.energy_wh, found.started_at, signs)


def close(notifications: list[ChangeNotification], number: int, actor: str, now: datetime) -> bool:
    """Close a session on its evidence, as an estimate; return False where it is not active or nothing speaks for it."""
    found = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    if found is None or found.state != SessionState.ACTIVE:
        return False
    signs = stuck_session.of(_signs(found), now)
    if not signs:
        return False
    decision = session.close(found.values(), now=now)
    found.take(decision.session)
    data_quality.add(number, decision.notes, now)
    stops.complete_all(number, now)
    AuditEntry.create(at=now, actor=actor, action="session.closed", target=f"session {number}", detail=" ".join(signs))
    decided = {field.name: getattr(found, field.name) for field in found.dirty_fields}
    change(notifications, found, **decided, is_awaiting_end=False)
    return True


def _signs(found: ChargingSession) -> Signs:
    latest = StopRequest.select().where(StopRequest.session == found).order_by(StopRequest.id.desc()).first()
    return Signs(
        connector_status=found.connector_status,
        is_awaiting_end=found.is_awaiting_end,
        last_heard_at=found.last_heard_at,
        followed_up_at=found.followed_up_at,
        stop_state=latest and StopState(latest.state),
        stop_decided_at=latest and latest.decided_at,
        charger_says=command_history.status_of(found) if found.transaction_id else "",
    )
