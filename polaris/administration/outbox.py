"""The queue of mail that goes out (`polaris.mail`): each is put in within the transaction of what it is about."""

from __future__ import annotations

from datetime import datetime

from peewee import SQL

from polaris.administration.audit import Refused
from polaris.domain.mail import MAX_WAITING, MailState
from polaris.domain.sentences import say
from polaris.models import Mail
from polaris.models.fields import BaseModel

_IS_UNSENT = SQL("state <> 'sent'")  # a literal, so that SQLite uses the partial index


def queue(recipient: str, nonce: str, now: datetime, language: str = "", **about: BaseModel) -> None:
    """Queue a mail about a row, whose reference in `mail` is named. Raise `Refused` if too many wait."""
    waiting = Mail.select().where(_IS_UNSENT, Mail.state == MailState.WAITING)
    if waiting.limit(MAX_WAITING).count() >= MAX_WAITING:
        raise Refused(
            say(
                "%(max_waiting)s mails wait to be sent already. See whether the mail server takes any.",
                max_waiting=MAX_WAITING,
            )
        )
    Mail.create(recipient=recipient, nonce=nonce, queued_at=now, due_at=now, language=language, **about)
