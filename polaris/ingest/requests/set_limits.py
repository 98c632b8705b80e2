"""Changes to the limits of sessions by their drivers, and to the limits that cards have."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from polaris.audit import record
from polaris.domain import limit as limit_rules
from polaris.domain.enums import AccountStatus, SessionState
from polaris.domain.limit import Limit, LimitKind
from polaris.ingest.requests import limits, stops
from polaris.models import Account, ChargingSession, EvCard, SessionLimit, locked
from polaris.pubsub import ChangeNotification


class LimitRefusal(StrEnum):
    """Why a limit was not set; the value is a sentence."""

    NOT_FOUND = "There is no such session."  # or it is another driver's
    ACCOUNT_INACTIVE = "The account may set no limits any more."
    SESSION_ENDED = "The session has ended already."
    BEING_STOPPED = "The charger is being asked to stop already."
    INVALID = "A session cannot come to that limit."
    NO_PRICE = "The session has no price."
    NO_SOC = "The charger does not report the state of charge."
    REACHED = "The session has come to that already."  # the driver is asked whether to stop it now


def set_limit(
    notifications: list[ChangeNotification],
    number: int,
    account_id: int,
    limit: Limit,
    now: datetime,
    *,
    is_agreed: bool = False,
    is_of_card: bool = False,
) -> LimitRefusal | None:
    """Set a session's limit in the place of the one before, or return why not.

    One that is reached already stops the session at once, if the driver has `is_agreed` to that. `is_of_card` makes it
    the one that further sessions of the card begin with.
    """
    session, account = _own(number, account_id)
    refusal = _refusal(session, account) or _limit_refusal(session, limit, now, is_agreed=is_agreed)
    if session is None or account is None or refusal is not None:
        return refusal or LimitRefusal.NOT_FOUND
    _place(session, limit, now)
    if is_of_card and session.card_id is not None and limit.kind is not LimitKind.TIME:
        is_card = (EvCard.id == session.card_id) & (EvCard.account == account_id)
        EvCard.update(limit_kind=limit.kind, limit_value=limit.value).where(is_card).execute()
    limits.weigh(notifications, session, now)
    stops.show(notifications, session)
    record(account.email, "limit.set", f"session {number}", now, f"{limit.kind} {limit.value}")
    return None


def remove_limit(
    notifications: list[ChangeNotification], number: int, account_id: int, now: datetime
) -> LimitRefusal | None:
    """Remove a session's limit, or return why not. One that is reached stays."""
    session, account = _own(number, account_id)
    refusal = _refusal(session, account)
    if session is None or account is None or refusal is not None:
        return refusal
    row = limits.reachable(session)
    if row is None or row.kind == LimitKind.NONE:
        return None
    if row.is_told:  # the charger is told with its next event
        _set(row, Limit(LimitKind.NONE, 0), now)
    else:
        limits.forget(session, row)
    stops.show(notifications, session)
    record(account.email, "limit.removed", f"session {number}", now)
    return None


def begin(session: ChargingSession, now: datetime) -> None:
    """Give a session that begins the limit of its card, if that has one."""
    if session.card_id is None or session.limit_id is not None:
        return
    card = EvCard.get_by_id(session.card_id)
    if card.limit_kind != LimitKind.NONE and card.account_id == session.account_id:
        _place(session, Limit(LimitKind(card.limit_kind), card.limit_value), now)


def _own(number: int, account_id: int) -> tuple[ChargingSession | None, Account | None]:
    """Lock and return a session with its driver, if the account is theirs."""
    session = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    is_own = session is not None and session.account_id == account_id
    return (session, Account.get_by_id(account_id)) if is_own else (None, None)


def _refusal(session: ChargingSession | None, account: Account | None) -> LimitRefusal | None:
    if session is None or account is None:
        return LimitRefusal.NOT_FOUND
    if account.status != AccountStatus.ACTIVE:
        return LimitRefusal.ACCOUNT_INACTIVE
    if session.state != SessionState.ACTIVE:
        return LimitRefusal.SESSION_ENDED
    return LimitRefusal.BEING_STOPPED if limits.is_being_stopped(session) else None


def _limit_refusal(
    session: ChargingSession | None, limit: Limit, now: datetime, *, is_agreed: bool
) -> LimitRefusal | None:
    if session is None:
        return LimitRefusal.NOT_FOUND
    if not limit_rules.is_valid(limit, now):
        return LimitRefusal.INVALID
    if limit.kind is LimitKind.MONEY and session.tariff_id is None:
        return LimitRefusal.NO_PRICE
    if limit.kind is LimitKind.SOC and session.soc_percent is None:
        return LimitRefusal.NO_SOC
    is_reached = limit_rules.is_reached(limit, limits.so_far_of(session, limit.kind, now), now)
    return LimitRefusal.REACHED if is_reached and not is_agreed else None


def _place(session: ChargingSession, limit: Limit, now: datetime) -> None:
    """Give a session a limit in the place of one that it has not reached."""
    row = limits.reachable(session)
    if row is not None:
        _set(row, limit, now)
        return
    row = SessionLimit.create(session=session, kind=limit.kind, value=limit.value, set_at=now, look_at=limit.at)
    ChargingSession.update(limit_id=row.id).where(ChargingSession.number == session.number).execute()
    session.limit_id = row.id


def _set(row: SessionLimit, limit: Limit, now: datetime) -> None:
    SessionLimit.update(
        kind=limit.kind, value=limit.value, set_at=now, look_at=limit.at, asked_at=None, asks=0, is_told=False
    ).where(SessionLimit.id == row.id).execute()
