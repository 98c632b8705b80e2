"""Mail that was not sent, and what is said of each invitation."""

from __future__ import annotations

from datetime import timedelta

from peewee import SQL

from polaris.administration.invitations import Invited
from polaris.attention.item import Action, Item, Search, verb
from polaris.domain.mail import MailProgress, MailState
from polaris.domain.sentences import N_, Sentence, say
from polaris.models import Account, Invitation, Mail, Notice, NoticePush, PasswordReset

MAIL, PUSH = "mail", "push"
NOT_MAILED = N_("It is not mailed: send the link yourself. If the link is lost, invite the person again.")
SHOWN_FOR = timedelta(days=1)  # of a notice, which nobody can send again
WAITS_FOR = timedelta(minutes=15)  # a mail server that is restarted is back by then
_IS_UNSENT = SQL("t1.state <> 'sent'")  # a literal, so that SQLite uses the partial index


def unsent(search: Search) -> list[Item]:
    """Return the mails that have failed, or wait for long, as long as their links would be good."""
    is_late = (Mail.state == MailState.FAILED) | (Mail.queued_at < search.now - WAITS_FOR)
    query = Mail.select().left_outer_join(Invitation).switch(Mail).left_outer_join(PasswordReset)
    is_good = (Invitation.expires_at > search.now) | (PasswordReset.expires_at > search.now)
    is_good |= Mail.notice.is_null(False) & (Mail.queued_at > search.now - SHOWN_FOR)
    query = query.where(_IS_UNSENT, is_late, is_good).order_by(Mail.queued_at.desc())
    return [_item(row) for row in query.limit(search.limit)]


def unsent_pushes(search: Search) -> list[Item]:
    """Return the pushes that have failed, or wait for long, of the last day."""
    is_late = (NoticePush.state == MailState.FAILED) | (NoticePush.queued_at < search.now - WAITS_FOR)
    query = NoticePush.select(NoticePush, Notice, Account).join(Notice).join(Account)
    query = query.where(_IS_UNSENT, is_late, NoticePush.queued_at > search.now - SHOWN_FOR)
    return [_pushed(row) for row in query.order_by(NoticePush.queued_at.desc()).limit(search.limit)]


def _pushed(row: NoticePush) -> Item:
    has_failed = row.state == MailState.FAILED
    return Item(
        PUSH,
        str(row.id),
        (_push_sentence(row),),
        since=row.queued_at,
        level=2 if has_failed else 1,
        name=row.notice.account.email,
        session=row.notice.session_id,
    )


def _push_sentence(row: NoticePush) -> Sentence:
    if row.state == MailState.FAILED:
        return say(N_("A notice was not sent to a device: %(answer)s"), answer=row.answer)
    if not row.answer:
        return say(N_("A notice to a device has been waiting since %(at)s."), at=row.queued_at)
    text = N_("A notice is not sent to a device yet, and is tried again at %(at)s: %(answer)s")
    return say(text, at=row.due_at, answer=row.answer)


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
    return Item(
        MAIL,
        row.nonce,
        (*_about(row), _progress(row.progress())),
        since=row.queued_at,
        level=2 if row.state == MailState.FAILED else 1,
        actions=() if row.invitation_id is None else _actions(row),
        name=row.recipient,
    )


def _about(row: Mail) -> tuple[Sentence, ...]:
    """Say what a mail is about; nothing of an invitation, whose actions do."""
    if row.invitation_id is not None:
        return ()
    if row.password_reset_id is not None:
        return (say(N_("It has the link for a new password that was asked for.")),)
    return (say(N_("It is a notice about a session.")),)


def _actions(row: Mail) -> tuple[Action, ...]:
    email, has_failed = row.recipient, row.state == MailState.FAILED
    again = verb(N_("Mail the invitation again"), "account", "mail-invitation", email, email=email)
    withdraw = verb(N_("Withdraw the invitation"), "account", "withdraw-invitation", email, email=email)
    return (again, withdraw) if has_failed else (withdraw,)
