"""Limits as rows: set by a session's driver, weighed with each reading and by the clock, reached once.

A limit is reached in the transaction of the reading that says so, with its request to stop. Whoever comes first sends
that: the bridge that is notified, or the one whose turn it is (`due`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from polaris import pubsub
from polaris.audit import record
from polaris.domain import limit as limits
from polaris.domain import stop_request, tariff
from polaris.domain.enums import AccountStatus, SessionState
from polaris.domain.limit import Flow, Limit, LimitKind, SoFar
from polaris.ingest.outcomes import SentLimit
from polaris.ingest.requests import stops
from polaris.models import Account, ChargingSession, EvCard, SessionLimit, StopRequest, locked
from polaris.pubsub import ChangeNotification, RequestKind

KNOWS_LIMITS = "ocpp2.1"  # chargers of this version keep a limit themselves (use case E16)


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
    weigh(notifications, session, now)
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
    row = _open(session)
    if row is None or row.kind == LimitKind.NONE:
        return None
    if row.is_told:  # the charger is told with its next event
        _set(row, Limit(LimitKind.NONE, 0), now)
    else:
        _forget(session, row)
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


def weigh(
    notifications: list[ChangeNotification], session: ChargingSession, now: datetime, at: datetime | None = None
) -> None:
    """Weigh the limit of a session, whose row is locked, against what is known of it now.

    `at` is the instant of the reading that told of it, by the charger's clock.
    """
    row = _open(session)
    if row is None:
        return
    if session.state != SessionState.ACTIVE:
        SessionLimit.update(look_at=None).where(SessionLimit.id == row.id).execute()
        return
    limit, so_far = row.to_domain(), _so_far(session, now)
    if limits.is_reached(limit, so_far, now):
        if not _is_being_stopped(session):
            _reach(notifications, session, row, limit.at or at or now, now)
            return
        look_at: datetime | None = now + limits.LOOK_INTERVAL  # that stop may fail
    else:
        prices = session.tariff.prices() if limit.kind is LimitKind.MONEY and session.tariff else None
        look_at = limits.look_at(limit, so_far, _flow(session, now), prices, now)
    SessionLimit.update(look_at=look_at).where(SessionLimit.id == row.id).execute()


def weigh_all(notifications: list[ChangeNotification], numbers: Iterable[int], now: datetime) -> dict[int, SentLimit]:
    """Weigh the limits of sessions that have new readings, whose rows the caller's transaction holds.

    Return the limits that their chargers have to be told with the answers, by charger.
    """
    told = {}
    for number in numbers:
        session = ChargingSession.get_by_id(number)
        weigh(notifications, session, now, session.last_reading_at)
        limit = tell(session)
        if limit is not None:
            told[session.charger_id] = limit
    return told


def tell(session: ChargingSession) -> SentLimit | None:
    """Return the limit that the answer to a session's charger has to carry, once for each change; None for none."""
    row = _open(session)
    if row is None or row.is_told or session.charger.protocol != KNOWS_LIMITS:
        return None
    if row.kind == LimitKind.NONE:
        _forget(session, row)
        return SentLimit(LimitKind.NONE, 0)
    SessionLimit.update(is_told=True).where(SessionLimit.id == row.id).execute()
    limit = row.to_domain()
    if limit.at is None:
        return SentLimit(limit.kind, limit.value)
    return SentLimit(limit.kind, max(1, -int(-(limit.at - session.started_at).total_seconds() // 1)))


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
    return LimitRefusal.BEING_STOPPED if _is_being_stopped(session) else None


def _limit_refusal(
    session: ChargingSession | None, limit: Limit, now: datetime, *, is_agreed: bool
) -> LimitRefusal | None:
    if session is None:
        return LimitRefusal.NOT_FOUND
    if not limits.is_valid(limit, now):
        return LimitRefusal.INVALID
    if limit.kind is LimitKind.MONEY and session.tariff_id is None:
        return LimitRefusal.NO_PRICE
    if limit.kind is LimitKind.SOC and session.soc_percent is None:
        return LimitRefusal.NO_SOC
    is_reached = limits.is_reached(limit, _so_far(session, now), now)
    return LimitRefusal.REACHED if is_reached and not is_agreed else None


def _open(session: ChargingSession) -> SessionLimit | None:
    """Return the limit that a session can still reach."""
    if session.limit_id is None:
        return None
    row = SessionLimit.get_or_none(SessionLimit.id == session.limit_id)
    return None if row is None or row.reached_at is not None else row


def _place(session: ChargingSession, limit: Limit, now: datetime) -> None:
    """Give a session a limit in the place of one that it has not reached."""
    row = _open(session)
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


def _forget(session: ChargingSession, row: SessionLimit) -> None:
    ChargingSession.update(limit_id=None).where(ChargingSession.number == session.number).execute()
    SessionLimit.delete().where(SessionLimit.id == row.id).execute()


def _so_far(session: ChargingSession, now: datetime) -> SoFar:
    prices = session.tariff.prices() if session.tariff else None
    cost = tariff.estimate(prices, session.usage(now), is_idle_refusal=session.is_idle_refusal)
    return SoFar(session.effective_wh, cost, session.soc_percent)


def _flow(session: ChargingSession, now: datetime) -> Flow:
    """Return the power that flows, by the charger, else on average so far."""
    if session.power_w is not None:
        return Flow(session.power_w, session.last_heard_at)
    seconds = (now - session.started_at).total_seconds()
    return Flow((session.energy_wh or 0) * 3600 / seconds if seconds > 0 else 0.0, session.last_heard_at)


def _is_being_stopped(session: ChargingSession) -> bool:
    """Whether a request to stop is open, of which a session has one at most; a sweep ends one that has run out."""
    is_open = StopRequest.state.in_(stop_request.OPEN)
    return bool(StopRequest.select().where(StopRequest.session == session, is_open).exists())


def _reach(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    row: SessionLimit,
    reached_at: datetime,
    now: datetime,
) -> None:
    """Note that a limit is reached, and make the request to stop at it, of which there is one at most."""
    charger = session.charger
    was_offline = charger.connected_at is not None and charger.connected_at > reached_at
    SessionLimit.update(reached_at=reached_at, was_offline=was_offline, look_at=None).where(
        SessionLimit.id == row.id
    ).execute()
    values = stop_request.begin_at_limit(now)
    request = StopRequest.create(
        session=session,
        account=session.account_id,
        limit=row.id,
        state=values.state,
        requested_at=now,
        deadline_at=values.deadline_at,
        decided_at=now,
    )
    stops.show(notifications, session)
    notifications.append(pubsub.requested(RequestKind.STOP, request.id, charger.identity))
