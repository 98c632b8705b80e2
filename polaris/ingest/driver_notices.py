"""Notices to drivers: a row in the transaction of what it is about, with the mails and pushes that are to tell it.

What is noted is told once. What is older than `NEWS_FOR` is not noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from peewee import SQL

from polaris import link_tokens
from polaris.domain.enums import StopState
from polaris.domain.instants import to_microseconds
from polaris.domain.notices import MAX_NOTICES, NEWS_FOR, OFFLINE_AFTER, PER, Channel, Occasion
from polaris.domain.stop_request import is_of_limit
from polaris.models import (
    Account,
    Bridge,
    Charger,
    ChargingSession,
    Mail,
    Notice,
    NoticeChoice,
    NoticePush,
    PushSubscription,
    SignIn,
    StopRequest,
    take_turns,
)
from polaris.pubsub import ChangeNotification

_OFFLINE = 0x706F6C6F  # PostgreSQL's advisory lock: of two bridges that note the same absence, one finds it noted
_ACTIVE = SQL("t1.state = 'active'")  # a literal, so that SQLite uses the partial index


def note(occasion: Occasion, happened_at: Mapping[int, datetime], now: datetime, *, has_mark: bool = False) -> None:
    """Note what happened to sessions, by their numbers, for those owners who want to be told of it.

    With a mark, which is its instant, it may be noted of a session more than once.
    """
    recent = [number for number, at in happened_at.items() if now - at < NEWS_FOR]
    if not recent:
        return
    query = (
        ChargingSession.select(ChargingSession.number, ChargingSession.account, NoticeChoice.language)
        .join(NoticeChoice, on=(NoticeChoice.account == ChargingSession.account))
        .where(ChargingSession.number.in_(recent), NoticeChoice.occasion == occasion)
        .order_by(ChargingSession.number)
    )
    rows: Any = query.tuples()
    languages = {(number, account_id): language for number, account_id, language in rows}
    for (number, account_id), language in languages.items():
        at = happened_at[number]
        values = {"session": number, "occasion": occasion, "mark": to_microseconds(at) if has_mark else 0}
        if not _is_noted(values) and not _has_enough(account_id, now):
            notice = Notice.create(account=account_id, happened_at=at, noted_at=now, language=language, **values)
            _address(notice, now)


def note_end(number: int, ended_at: datetime, now: datetime) -> None:
    """Note that a session has ended, or that it has stopped at its limit: whoever wants both is told once."""
    if _is_at_limit(number):
        note(Occasion.LIMIT, {number: ended_at}, now)
    if not Notice.select().where(Notice.session == number, Notice.occasion == Occasion.LIMIT).exists():
        note(Occasion.ENDED, {number: ended_at}, now)


def note_offline(notifications: list[ChangeNotification], now: datetime) -> None:
    """Note that chargers of active sessions have been without a connection for a while: once for each absence."""
    take_turns(_OFFLINE)
    expired = Bridge.select(Bridge.id).where(Bridge.lease_until_at <= now)
    query = (
        ChargingSession.select(ChargingSession.number, Charger.last_contact_at)
        .join(Charger)
        .join(NoticeChoice, on=(NoticeChoice.account == ChargingSession.account))
        .where(_ACTIVE, NoticeChoice.occasion == Occasion.OFFLINE)
        .where(Charger.bridge.is_null() | Charger.bridge.in_(expired))
        .where(Charger.last_contact_at.between(now - NEWS_FOR, now - OFFLINE_AFTER))
    )
    rows: Any = query.tuples()
    absences = {number: at for number, at in rows if at}
    note(Occasion.OFFLINE, absences, now, has_mark=True)


def _is_at_limit(number: int) -> bool:
    """Return whether an ended session's stop for its limit was completed, or its charger has kept the limit itself."""
    session = ChargingSession.get_by_id(number)
    if session.limit_id is None or is_of_limit(session.stop_reason):
        return session.limit_id is not None
    is_it = (StopRequest.session == number) & (StopRequest.state == StopState.COMPLETED)
    return bool(StopRequest.select().where(is_it, StopRequest.limit.is_null(False)).exists())


def _is_noted(values: Mapping[str, Any]) -> bool:
    return Notice.get_or_none(**values) is not None


def _has_enough(account_id: int, now: datetime) -> bool:
    recent = Notice.select().where(Notice.account == account_id, Notice.noted_at > now - PER)
    count: int = recent.limit(MAX_NOTICES).count()
    return count >= MAX_NOTICES


def _address(notice: Notice, now: datetime) -> None:
    """Queue what tells a notice, by the channels that its account has chosen for it."""
    account = Account.get_by_id(notice.account_id)
    is_it = (NoticeChoice.account == account) & (NoticeChoice.occasion == notice.occasion)
    channels = {row.channel for row in NoticeChoice.select().where(is_it)}
    times = {"queued_at": now, "due_at": now}
    if Channel.MAIL in channels:
        Mail.create(notice=notice, recipient=account.email, nonce=link_tokens.new_nonce(), **times)
    if Channel.PUSH in channels:
        devices = PushSubscription.select().join(SignIn).where(PushSubscription.account == account)
        for device in devices.where(SignIn.revoked_at.is_null()):
            NoticePush.create(notice=notice, subscription=device, **times)
