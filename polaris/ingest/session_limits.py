"""Limits of sessions: what drivers do with them, and the turns in which bridges look at those that are due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Concatenate

from peewee import SQL

from polaris.domain import limit as limits
from polaris.domain.enums import SessionState, StopState
from polaris.domain.limit import Limit, LimitKind
from polaris.ingest.requests import PendingRequest, set_limits
from polaris.ingest.requests import limits as limit_rows
from polaris.ingest.requests.set_limits import LimitRefusal
from polaris.ingest.stuck_sessions import FollowUp
from polaris.ingest.unit_of_work import P, R, in_transaction
from polaris.models import Charger, ChargingSession, SessionLimit, StopRequest, blocking, locked
from polaris.pubsub import Announcer, ChangeNotification, RequestKind

MAX_DUE = 100  # in one turn, so that many limits at once do not hold up the readings that arrive meanwhile
# Literals, not parameters: SQLite uses a partial index only if the statement's text implies the index's condition.
_TO_LOOK_AT = SQL("look_at IS NOT NULL")
_TO_SEND = SQL("t1.limit_id IS NOT NULL AND t1.state = 'requested'")


@dataclass(frozen=True, slots=True)
class LimitTurn:
    """The work of a bridge for its chargers' limits: requests to stop that wait to be sent, and readings to ask for."""

    stops: Sequence[PendingRequest]
    asks: Sequence[FollowUp]


class SessionLimits:
    """The limits of all sessions. One instance for each process."""

    def __init__(self, publisher: Announcer) -> None:
        self._publisher = publisher

    def set_limit(
        self,
        number: int,
        account_id: int,
        limit: Limit,
        now: datetime,
        *,
        is_agreed: bool = False,
        is_of_card: bool = False,
    ) -> LimitRefusal | None:
        """Set the limit of a driver's session in the place of the one before; return None, or why it is not set."""
        return self._commit(
            set_limits.set_limit, number, account_id, limit, now, is_agreed=is_agreed, is_of_card=is_of_card
        )

    def remove_limit(self, number: int, account_id: int, now: datetime) -> LimitRefusal | None:
        """Remove the limit of a driver's session; return None, or why it is not removed."""
        return self._commit(set_limits.remove_limit, number, account_id, now)

    def turn(self, bridge_id: str, now: datetime) -> LimitTurn:
        """Look at the limits of a bridge's chargers that are due; return what it has to send."""
        asks = self._commit(_look, bridge_id, now) if _is_any_due(bridge_id, now) else []
        return LimitTurn(_waiting(bridge_id), asks)

    def _commit(
        self, work: Callable[Concatenate[list[ChangeNotification], P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        result, notifications = in_transaction(work, *args, **kwargs)
        self._publisher.announce(notifications)
        return result


@blocking
def _is_any_due(bridge_id: str, now: datetime) -> bool:
    return bool(_due(bridge_id, now))


def _due(bridge_id: str, now: datetime) -> list[int]:
    """Return the sessions of a bridge's chargers whose limits are to be looked at."""
    query = (
        SessionLimit.select(SessionLimit.session)
        .join(ChargingSession)
        .join(Charger)
        .where(_TO_LOOK_AT, SessionLimit.look_at <= now)
        .where(Charger.bridge == bridge_id, Charger.connection_id.is_null(False))
        .order_by(SessionLimit.look_at)
        .limit(MAX_DUE)
    )
    return [row.session_id for row in query]


def _look(notifications: list[ChangeNotification], bridge_id: str, now: datetime) -> list[FollowUp]:
    """Weigh the limits that are due by the clock; return the sessions that have to be asked for a reading."""
    is_due = ChargingSession.number.in_(_due(bridge_id, now))
    asked = []
    for session in locked(ChargingSession.select().where(is_due).order_by(ChargingSession.number)):
        limit_rows.weigh(notifications, session, now)
        if _is_asked(session, now):
            asked.append(FollowUp(session.charger.identity, session.connector, session.number, session.transaction_id))
    return asked


def _is_asked(session: ChargingSession, now: datetime) -> bool:
    """Whether a session that was just looked at has to be asked for a reading; note that it is."""
    row = SessionLimit.get_or_none(SessionLimit.id == session.limit_id)
    if row is None or row.look_at is None or row.kind == LimitKind.TIME or session.state != SessionState.ACTIVE:
        return False
    if not limits.is_asked_for(session.last_heard_at, row.asked_at, row.asks, now):
        return False
    SessionLimit.update(asked_at=now, asks=row.asks + 1).where(SessionLimit.id == row.id).execute()
    return True


@blocking
def _waiting(bridge_id: str) -> list[PendingRequest]:
    """Return the requests to stop at limits that nobody has sent yet, of chargers that a bridge holds."""
    query = (
        StopRequest.select(StopRequest.id, Charger.identity)
        .join(ChargingSession)
        .join(Charger)
        .where(_TO_SEND, StopRequest.state == StopState.REQUESTED)
        .where(Charger.bridge == bridge_id, Charger.connection_id.is_null(False))
        .order_by(StopRequest.id)
        .limit(MAX_DUE)
    )
    return [PendingRequest(RequestKind.STOP, row.id, row.session.charger.identity) for row in query]
