"""Stop requests as rows: asked for, claimed by a bridge, answered, swept past their deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from polaris import pubsub
from polaris.domain import stop_request
from polaris.domain.enums import AccountStatus, Role, SessionState, StopEvent, StopState
from polaris.domain.stop_request import OPEN, StopLimits
from polaris.models import Account, AuditEntry, Charger, ChargingSession, StopRequest, locked
from polaris.pubsub import ChangeNotification

_NO_LIMITS = StopLimits(timedelta(0), timedelta(0))


class Refusal(StrEnum):
    """Why a stop was not asked for."""

    NOT_FOUND = "not_found"  # no such session, or another driver's
    ACCOUNT_INACTIVE = "account_inactive"
    SESSION_ENDED = "session_ended"
    COOLING_DOWN = "cooling_down"


@dataclass(frozen=True, slots=True)
class PendingStop:
    """What goes to the bridge that holds the charger: the row's id, and nothing else."""

    request_id: int
    identity: str


@dataclass(frozen=True, slots=True)
class ClaimedStop:
    """What to stop, by the name that its charger knows: the number in OCPP 1.6, the charger's own in 2.x."""

    number: int
    transaction_id: str | None


def request(
    notifications: list[ChangeNotification], number: int, account_id: int, now: datetime, limits: StopLimits
) -> PendingStop | Refusal | None:
    """Make a stop request, or say why not; None where one is open already."""
    session = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    account = Account.get_or_none(Account.id == account_id)
    refusal = _refusal(session, account, now)
    if refusal is not None or account is None:
        return refusal
    is_open = (StopRequest.session == session) & StopRequest.state.in_(OPEN)
    for found in StopRequest.select().where(is_open):
        found.session = session
        if found.deadline_at > now:
            return None
        if _step(found, StopEvent.DEADLINE, now, limits, notifications) is StopState.REQUESTED:
            return PendingStop(found.id, session.charger.identity)
    values = stop_request.begin(now, limits)
    made = StopRequest.create(
        session=session,
        account=account,
        state=values.state,
        requested_at=now,
        deadline_at=values.deadline_at,
        decided_at=now,
    )
    AuditEntry.create(at=now, actor=account.email, action="stop.requested", target=f"session {number}")
    _show(session, notifications)
    return PendingStop(made.id, session.charger.identity)


def claim(
    notifications: list[ChangeNotification],
    request_id: int,
    charger_id: int,
    now: datetime,
    limits: StopLimits,
    *,
    connection_id: str,
) -> ClaimedStop | None:
    found = _get(request_id)
    if found is None or found.deadline_at <= now or found.session.charger_id != charger_id:
        return None
    if found.session.state != SessionState.ACTIVE or found.session.charger.connection_id != connection_id:
        return None
    if _step(found, StopEvent.CLAIMED, now, limits, notifications) is not StopState.SENT:
        return None
    return ClaimedStop(found.session_id, found.session.transaction_id)


def advance(
    notifications: list[ChangeNotification], request_id: int, event: StopEvent, now: datetime, limits: StopLimits
) -> StopState | None:
    """Apply an event to a request; return its new state, or None where nothing changed."""
    found = _get(request_id)
    if found is None or (event is StopEvent.DEADLINE and found.deadline_at > now):
        return None
    return _step(found, event, now, limits, notifications)


def answer_all(number: int, event: StopEvent, now: datetime) -> None:
    """Apply the session's end to all of its requests. The caller changes the session's revision."""
    for found in StopRequest.select().where(StopRequest.session == number):
        after = stop_request.advance(found.values(), event, now, _NO_LIMITS)
        if after is not None:
            _save(found, after)


def overdue(now: datetime) -> list[PendingStop]:
    """The open requests whose deadline has passed."""
    query = (
        StopRequest.select(StopRequest.id, ChargingSession.number, Charger.identity)
        .join(ChargingSession)
        .join(Charger)
        .where(StopRequest.state.in_(OPEN), StopRequest.deadline_at <= now)
    )
    return [PendingStop(found.id, found.session.charger.identity) for found in query]


def _refusal(session: ChargingSession | None, account: Account | None, now: datetime) -> Refusal | None:
    if session is None or account is None or (account.role != Role.OPERATOR and session.account_id != account.id):
        return Refusal.NOT_FOUND
    if account.status != AccountStatus.ACTIVE:
        return Refusal.ACCOUNT_INACTIVE
    if session.state != SessionState.ACTIVE:
        return Refusal.SESSION_ENDED
    latest = StopRequest.select().where(StopRequest.session == session).order_by(StopRequest.id.desc()).first()
    if latest is not None and stop_request.cooldown_left(latest.values(), now):
        return Refusal.COOLING_DOWN
    return None


def _get(request_id: int) -> StopRequest | None:
    """The request with its session; the session's row is locked first, as every change of a session does."""
    number = StopRequest.select(StopRequest.session).where(StopRequest.id == request_id)
    session = locked(ChargingSession.select().where(ChargingSession.number.in_(number))).first()
    if session is None:
        return None
    found = StopRequest.get_by_id(request_id)
    found.session = session
    return found


def _step(
    found: StopRequest, event: StopEvent, now: datetime, limits: StopLimits, notifications: list[ChangeNotification]
) -> StopState | None:
    after = stop_request.advance(found.values(), event, now, limits)
    if after is None or (after.state in OPEN and found.state not in OPEN and _has_other_open(found)):
        return None
    _save(found, after)
    _show(found.session, notifications)
    return after.state


def _has_other_open(found: StopRequest) -> bool:
    """Late news of an old request cannot open it beside a newer one."""
    return (
        StopRequest.select()
        .where(StopRequest.session == found.session_id, StopRequest.state.in_(OPEN), StopRequest.id != found.id)
        .exists()
    )


def _save(found: StopRequest, after: stop_request.StopRequest) -> None:
    StopRequest.update(
        state=after.state, deadline_at=after.deadline_at, decided_at=after.decided_at, attempts=after.attempts
    ).where(StopRequest.id == found.id).execute()


def _show(session: ChargingSession, notifications: list[ChangeNotification]) -> None:
    ChargingSession.update(revision=ChargingSession.revision + 1).where(
        ChargingSession.number == session.number
    ).execute()
    notifications += pubsub.session_changed(session.number, session.charger_id, session.account_id)
