"""Mail that was not sent, and what is said of each invitation."""

from __future__ import annotations

from datetime import timedelta

from peewee import SQL

from polaris.administration.invitations import Invited
from polaris.attention.item import Item, Search, verb
from polaris.domain.mail import MailProgress, MailState
from polaris.domain.sentences import N_, Sentence, say
from polaris.models import Invitation, Mail

MAIL = "mail"
NOT_MAILED = N_("It is not mailed: send the link yourself. If the link is lost, invite the person again.")
WAITS_FOR = timedelta(minutes=15)  # a mail server that is restarted is back by then
_IS_UNSENT = SQL("t1.state <> 'sent'")  # a literal, so that SQLite uses the partial index


def unsent(search: Search) -> list[Item]:
    """Return the mails that have failed, or wait for long, as long as their links would be good."""
    is_late = (Mail.state == MailState.FAILED) | (Mail.queued_at < search.now - WAITS_FOR)
    query = Mail.select(Mail, Invitation).join(Invitation).where(_IS_UNSENT, is_late)
    query = query.where(Invitation.expires_at > search.now).order_by(Mail.queued_at.desc())
    return [_item(row) for row in query.limit(search.limit)]


def said(invited: Invited) -> Sentence:
    """Say how far an invitation's mail has come, or how the person gets the link without one."""
    return say(NOT_MAILED) if invited.mail is None else _progress(invited.mail)


def _progress(mail: MailProgress) -> Sentence:
    match mail.state:
        case MailState.SENT:
            return say("Sent by mail at %(at)s.", at=mail.sent_at or mail.queued_at)
        case MailState.FAILED:
            return say("The mail was not sent: %(answer)s", answer=mail.answer)
    if not mail.answer:
        return say("The mail has been waiting since %(at)s.", at=mail.queued_at)
    text = N_("The mail is not sent yet, and is tried again at %(at)s: %(answer)s")
    return say(text, at=mail.due_at, answer=mail.answer)


def _item(row: Mail) -> Item:
    email, has_failed = row.recipient, row.state == MailState.FAILED
    again = verb(N_("Mail the invitation again"), "account", "mail-invitation", email, email=email)
    withdraw = verb(N_("Withdraw the invitation"), "account", "withdraw-invitation", email, email=email)
    return Item(
        MAIL,
        row.nonce,
        (_progress(row.progress()),),
        since=row.queued_at,
        level=2 if has_failed else 1,
        actions=(again, withdraw) if has_failed else (withdraw,),
        name=email,
    )
