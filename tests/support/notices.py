"""Owns what tests of notices need: choices of a person, and a session that has ended."""

from __future__ import annotations

from datetime import datetime

from polaris.administration import notices
from polaris.domain.notices import Channel, Occasion
from polaris.models import Mail, Notice, NoticePush, blocking
from tests.support.ingest_cast import NOW, Cast

ALL_BY_MAIL = frozenset((occasion, Channel.MAIL) for occasion in Occasion)
ALL_BY_PUSH = frozenset((occasion, Channel.PUSH) for occasion in Occasion)


def choose(account_id: int, channel: Channel = Channel.MAIL, language: str = "", now: datetime = NOW) -> None:
    """Let a person be told of everything by one channel."""
    notices.choose(account_id, frozenset((each, channel) for each in Occasion), language, now=now)


def charged(cast: Cast, *, minutes: float = 60) -> int:
    """Let Ada charge 12.34 kWh within an hour; return the session's number."""
    number = cast.start().number
    cast.store(cast.ended(number, minutes * 60, 13_340), seconds=minutes * 60)
    return number


@blocking
def noted() -> list[tuple[int, str]]:
    """The sessions and occasions of all notices."""
    return [(row.session_id, row.occasion) for row in Notice.select().order_by(Notice.id)]


@blocking
def mails() -> list[Mail]:
    return list(Mail.select().order_by(Mail.id))


@blocking
def pushes() -> list[NoticePush]:
    return list(NoticePush.select().order_by(NoticePush.id))
