"""The outbox: mails as rows. An attempt belongs to whoever moves its row's `due_at`, so that of two senders one sends.

A sender that is killed leaves the row due again when its lease is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from peewee import SQL

from polaris.domain import mail as lifecycle
from polaris.domain.mail import LEASE, MailState
from polaris.models import Mail, blocking

_IS_UNSENT = SQL("state <> 'sent'")  # a literal, so that SQLite uses the partial index


class Subject(StrEnum):
    """The subject of a mail: the name of its reference."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    NOTICE = "notice"


class About(NamedTuple):
    """The row that a mail is about."""

    subject: Subject
    id: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail whose attempt is the caller's until `lease_until`."""

    id: int
    about: About
    recipient: str
    language: str
    nonce: str
    queued_at: datetime
    attempts: int  # this one included
    lease_until: datetime


@blocking
def claim(now: datetime) -> Claimed | None:
    """Claim the mail that has been due for longest; None if none is due, or another sender was faster."""
    is_due = (Mail.state == MailState.WAITING) & (Mail.due_at <= now)
    row = Mail.select().where(_IS_UNSENT, is_due).order_by(Mail.due_at).first()
    if row is None:
        return None
    claimed = _claimed(row, now)
    is_it = (Mail.id == row.id) & (Mail.nonce == row.nonce) & (Mail.due_at == row.due_at)
    taken = Mail.update(due_at=claimed.lease_until, attempts=claimed.attempts).where(is_it, is_due).execute()
    return claimed if taken else None


@blocking
def sent(mail: Claimed, now: datetime) -> None:
    """Note that the mail server has taken a mail."""
    _settle(mail, state=MailState.SENT, sent_at=now, answer="")


@blocking
def not_sent(mail: Claimed, answer: str, now: datetime, *, is_final: bool) -> None:
    """Note why a mail was not sent; unless that is final, or it is over, it is tried again later."""
    if is_final or lifecycle.is_over(mail.queued_at, now):
        _settle(mail, state=MailState.FAILED, answer=answer)
    else:
        _settle(mail, due_at=now + lifecycle.pause(mail.attempts), answer=answer)


@blocking
def forget(mail: Claimed) -> None:
    """Drop a mail that concerns nobody."""
    Mail.delete().where(Mail.id == mail.id, Mail.nonce == mail.nonce).execute()


def _claimed(row: Mail, now: datetime) -> Claimed:
    until = now + LEASE
    return Claimed(row.id, _about(row), row.recipient, row.language, row.nonce, row.queued_at, row.attempts + 1, until)


def _about(row: Mail) -> About:
    """Return what a mail is about: the one of its references that is set."""
    return next(About(subject, row_id) for subject in Subject if (row_id := getattr(row, f"{subject}_id")) is not None)


def _settle(mail: Claimed, **values: object) -> None:
    """Change a row that is still as it was claimed: meanwhile it may be another sender's, or another mail's."""
    is_mine = (Mail.id == mail.id) & (Mail.nonce == mail.nonce) & (Mail.due_at == mail.lease_until)
    Mail.update(**values).where(is_mine).execute()
