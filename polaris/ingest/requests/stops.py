"""Stop requests as rows: requested, claimed by a bridge, answered, swept past their deadlines."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from polaris import pubsub
from polaris.audit import COMMAND_LINE, record
from polaris.domain import stop_request
from polaris.domain.commands.catalog import StopCharging
from polaris.domain.enums import AccountStatus, RequestEvent, Role, SessionState, StopState
from polaris.domain.notices import Occasion
from polaris.domain.stop_request import FAILED, OPEN, StopLimits
from polaris.ingest import driver_notices
from polaris.ingest.requests import ClaimedCommand, CommandResult, PendingRequest
from polaris.models import Account, Charger, ChargingSession, ModelQuery, StopRequest, locked
from polaris.pubsub import ChangeNotification, RequestKind

_OF_SESSION = ModelQuery(StopRequest, "SELECT {columns} FROM stop_request WHERE session_id IN ({marks})")
_ANSWERS = frozenset({RequestEvent.ACCEPTED, RequestEvent.REJECTED, RequestEvent.ERROR})
_NO_LIMITS = StopLimits(timedelta(0), timedelta(0))


class Refusal(StrEnum):
    """Why a stop was not requested; the value is a sentence."""

    NOT_FOUND = "There is no such session."  # or it is another driver's
    ACCOUNT_INACTIVE = "The account in whose name it would be stopped may stop nothing any more."
    SESSION_ENDED = "The session has ended already."
    COOLING_DOWN = "It was asked to stop just now. Wait ten seconds."


class Stops:
    """The stop requests of all chargers. Each method runs in the caller's transaction."""

    def __init__(self, limits: StopLimits) -> None:
        self._limits = limits

    def request(
        self,
        notifications: list[ChangeNotification],
        number: int,
        account_id: int | None,
        now: datetime,
        actor: str = "",
        *,
        needs_active: bool = True,
    ) -> PendingRequest | Refusal | None:
        """Make a stop request, or return why not; None if one is open already. `actor` may press in somebody's name.

        Without an account it is the command line, which may stop any session. With `needs_active`, an account
        that is not active may stop nothing; it is left out for a stop that only protects.
        """
        session = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
        account = None if account_id is None else Account.get_or_none(Account.id == account_id)
        may_stop = account_id is None or _is_stopped_by(session, account)
        refusal = _refusal(session, account if needs_active else None, now) if may_stop else Refusal.NOT_FOUND
        if refusal is not None:
            return refusal
        is_open = (StopRequest.session == session) & StopRequest.state.in_(OPEN)
        for row in StopRequest.select().where(is_open):
            row.session = session
            if row.deadline_at > now:
                return None
            if self._advance(notifications, row, RequestEvent.DEADLINE, now) is StopState.REQUESTED:
                return _pending(row)
        values = stop_request.begin(now, self._limits)
        row = StopRequest.create(
            session=session,
            account=account,
            state=values.state,
            requested_at=now,
            deadline_at=values.deadline_at,
            decided_at=now,
        )
        record(actor or (account.email if account else COMMAND_LINE), "stop.requested", f"session {number}", now)
        show(notifications, session)
        return _pending(row)

    def claim(
        self, notifications: list[ChangeNotification], row_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None:
        """Take a request for sending on its charger's newest connection; None if it is not to be sent there."""
        row = _locked(row_id)
        if row is None or row.session.state != SessionState.ACTIVE:
            return None
        if (row.session.charger_id, row.session.charger.connection_id) != (charger_id, connection_id):
            return None
        if self._advance(notifications, row, RequestEvent.CLAIMED, now) is None:
            return None
        is_first = (StopRequest.id == row.id) & StopRequest.sent_at.is_null()
        StopRequest.update(charger=charger_id, sent_at=now).where(is_first).execute()
        return ClaimedCommand(row.id, StopCharging(), row.session.number, row.session.transaction_id)

    def record(
        self, notifications: list[ChangeNotification], row_id: int, result: CommandResult, now: datetime
    ) -> StopState | None:
        """Record the outcome of a request; return its new state, or None if nothing changed."""
        row = _locked(row_id)
        if row is None:
            return None
        if result.event in _ANSWERS:  # one that the session's end has overtaken, too
            is_first = (StopRequest.id == row.id) & StopRequest.answered_at.is_null()
            StopRequest.update(answered_at=now).where(is_first).execute()
        return self._advance(notifications, row, result.event, now)

    def overdue(self, now: datetime) -> list[PendingRequest]:
        """Return the open requests whose deadline has passed."""
        query = (
            StopRequest.select(StopRequest.id, ChargingSession.number, Charger.identity)
            .join(ChargingSession)
            .join(Charger)
            .where(StopRequest.state.in_(OPEN), StopRequest.deadline_at <= now)
        )
        return [_pending(row) for row in query]

    def _advance(
        self, notifications: list[ChangeNotification], row: StopRequest, event: RequestEvent, now: datetime
    ) -> StopState | None:
        after = stop_request.advance(row.values(), event, now, self._limits)
        if after is None or (after.state in OPEN and row.state not in OPEN and _has_other_open(row)):
            return None
        _save(row, after)
        show(notifications, row.session)
        if after.state in FAILED and row.account_id is not None and row.account_id == row.session.account_id:
            driver_notices.note(Occasion.NOT_STOPPED, {row.session.number: after.decided_at}, now)
        return after.state


def newest_state(number: int, now: datetime) -> StopState | None:
    """Return how far the newest request to stop a session has come; None if there is none."""
    row = StopRequest.select().where(StopRequest.session == number).order_by(StopRequest.id.desc()).first()
    return None if row is None else stop_request.effective(row.values(), now).state


def complete_all(number: int, now: datetime) -> None:
    """Apply a session's end to all of its requests. The caller changes the session's revision."""
    for row in _OF_SESSION.rows([number]):
        after = stop_request.advance(row.values(), RequestEvent.SESSION_ENDED, now, _NO_LIMITS)
        if after is not None:
            _save(row, after)


def _is_stopped_by(session: ChargingSession | None, account: Account | None) -> bool:
    """Whether a session is its account's, or an operator's to stop."""
    if session is None or account is None:
        return False
    return account.role == Role.OPERATOR or session.account_id == account.id


def _refusal(session: ChargingSession | None, account: Account | None, now: datetime) -> Refusal | None:
    if session is None:
        return Refusal.NOT_FOUND
    if account is not None and account.status != AccountStatus.ACTIVE:
        return Refusal.ACCOUNT_INACTIVE
    if session.state != SessionState.ACTIVE:
        return Refusal.SESSION_ENDED
    latest = StopRequest.select().where(StopRequest.session == session).order_by(StopRequest.id.desc()).first()
    if latest is not None and stop_request.cooldown_left(latest.values(), now):
        return Refusal.COOLING_DOWN
    return None


def _pending(row: StopRequest) -> PendingRequest:
    return PendingRequest(RequestKind.STOP, row.id, row.session.charger.identity)


def _locked(row_id: int) -> StopRequest | None:
    """Return the request with its session. The session's row is locked first, as by every change of a session."""
    number = StopRequest.select(StopRequest.session).where(StopRequest.id == row_id)
    session = locked(ChargingSession.select().where(ChargingSession.number.in_(number))).first()
    if session is None:
        return None
    row = StopRequest.get_by_id(row_id)
    row.session = session
    return row


def _has_other_open(row: StopRequest) -> bool:
    """Return whether a newer request is open: a late answer must not reopen an old one beside it."""
    return (
        StopRequest.select()
        .where(StopRequest.session == row.session_id, StopRequest.state.in_(OPEN), StopRequest.id != row.id)
        .exists()
    )


def _save(row: StopRequest, after: stop_request.StopProgress) -> None:
    StopRequest.update(
        state=after.state, deadline_at=after.deadline_at, decided_at=after.decided_at, attempts=after.attempts
    ).where(StopRequest.id == row.id).execute()


def show(notifications: list[ChangeNotification], session: ChargingSession) -> None:
    """Raise the session's revision, so that pages show its stop request or its limit."""
    ChargingSession.update(revision=ChargingSession.revision + 1).where(
        ChargingSession.number == session.number
    ).execute()
    notifications += pubsub.session_changed(session.number, session.charger_id, session.account_id)
