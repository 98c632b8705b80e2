"""Invitations: a link that makes its holder an account, once. Only a hash of its token is stored.

A link that was used, replaced, withdrawn or that has expired is as good as one that never was: it is not found. It is
withdrawn when its maker is no active operator any more (`makers_links`), and nobody else's is good. A link that goes
out by mail is queued in its invitation's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from peewee import SQL, IntegrityError, fn

from polaris import link_tokens
from polaris.administration import outbox, passwords
from polaris.administration.accounts import IS_ACTIVE_OPERATOR, valid_email
from polaris.administration.audit import COMMAND_LINE, AlreadySo, Refused, record
from polaris.domain.email_addresses import normal_email
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.instants import second_text
from polaris.domain.mail import MailProgress, MailState
from polaris.domain.sentences import say
from polaris.models import Account, Invitation, Mail, blocking, database, locked, run_blocking

LIFETIME = timedelta(days=7)
PATH = "/invitations/"  # of the site; a link's token follows


class NoLongerGood(Refused):
    """A link that was used, replaced, withdrawn or forged, or that has expired: which of them is nobody's business."""


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that has not expired."""

    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    mail: MailProgress | None = None  # of its link


@blocking
def invite(email: str, role: Role, *, mail_secret: str = "", actor: str, now: datetime) -> str:
    """Invite a person; return the token of the link. An earlier link to the address is no longer good.

    With a secret, from which the token is derived then, the link goes out by mail, too.
    """
    email, nonce = valid_email(email), link_tokens.new_nonce()
    token = link_tokens.derived(mail_secret, nonce) if mail_secret else link_tokens.new()
    with database.atomic():
        if Account.get_or_none(Account.email == email) is not None:
            raise Refused(say("There is an account %(email)s already.", email=email))
        before = open_invitation(email, now=now)
        values: dict[str, Any] = {
            "role": role,
            "token_hash": link_tokens.hashed(token),
            "invited_by": actor,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }
        Invitation.insert(email=email, **values).on_conflict(
            conflict_target=[Invitation.email], update=values
        ).execute()
        row = Invitation.get(Invitation.email == email)
        Mail.delete().where(Mail.invitation == row).execute()
        if mail_secret:
            outbox.queue(email, nonce, now, invitation=row)
        replaced = f", instead of: {before}" if before else ""
        record(actor, "invitation.made", email, now, f"{role}{', by mail' if mail_secret else ''}{replaced}")
    return token


@blocking
def open_invitation(email: str, *, now: datetime) -> str:
    """Say what an address is invited as, by whom and since when; "" if it is not."""
    row = Invitation.get_or_none(_is_open(normal_email(email), now))
    return "" if row is None else f"{row.role}, by {row.invited_by}, {second_text(row.created_at)}"


@blocking
def invited(token: str, *, now: datetime) -> Invited:
    """Return the invitation of a link, without using it up. Raise `NoLongerGood`."""
    row = Invitation.get_or_none(*_is_good(token, now))
    if row is None:
        raise NoLongerGood
    return _invited(row)


def accept(token: str, password: str, *, now: datetime) -> str:
    """Make the invited person an active account with this password; return its address.

    Raise `Refused` if the password is not taken, and `NoLongerGood`.
    """
    email = invited(token, now=now).email
    password_hash = run_blocking(passwords.hashed, passwords.checked(password, email))
    return _accept(token, password_hash, now)


@blocking
def withdraw_invitation(email: str, *, actor: str, now: datetime) -> None:
    """Let nobody accept an invitation any more. Raise `Refused` if there is none."""
    email = normal_email(email)
    with database.atomic():
        row = locked(Invitation.select().where(_is_open(email, now))).first()
        if row is None:
            raise Refused(
                say(
                    "There is no invitation for %(email)s. It may have been accepted or withdrawn already.", email=email
                )
            )
        Invitation.delete().where(Invitation.id == row.id).execute()
        record(actor, "invitation.withdrawn", email, now, row.role)


@blocking
def mail_again(email: str, *, actor: str, now: datetime) -> None:
    """Send the same link by mail once more. Raise `Refused` if there is none to send."""
    email = normal_email(email)
    with database.atomic():
        row = locked(Invitation.select().where(_is_open(email, now), _is_by_operator())).first()
        mail = row and Mail.get_or_none(Mail.invitation == row)
        if mail is None:
            raise Refused(say("There is no invitation for %(email)s to send by mail. Invite them again.", email=email))
        if mail.state == MailState.WAITING:
            raise AlreadySo(say("The mail to %(email)s waits to be sent already.", email=email))
        Mail.delete().where(Mail.id == mail.id).execute()
        outbox.queue(row.email, mail.nonce, now, invitation=row)
        record(actor, "invitation.mailed_again", email, now, row.role)


@blocking
def pending(limit: int, *, now: datetime) -> list[Invited]:
    """Return the invitations that have not expired, the first to expire first."""
    query = Invitation.select().where(Invitation.expires_at > now, _is_by_operator())
    rows = list(query.order_by(Invitation.expires_at, Invitation.id).limit(limit))
    found = Mail.select().where(Mail.invitation.in_(rows)) if rows else ()
    mails = {mail.invitation_id: mail.progress() for mail in found}
    return [replace(_invited(row), mail=mails.get(row.id)) for row in rows]


@blocking
def mailed(invitation_id: int, *, now: datetime) -> tuple[Invited, str] | None:
    """Return an invitation and its token's hash, if its link may still be sent."""
    is_it = Invitation.id == invitation_id
    row = Invitation.get_or_none(is_it, Invitation.expires_at > now, _is_by_operator())
    return None if row is None else (_invited(row), row.token_hash)


@blocking
def _accept(token: str, password_hash: str, now: datetime) -> str:
    """Delete the invitation and add the account: of two who do it at once, one finds nothing to delete."""
    try:
        with database.atomic():
            row = Invitation.get_or_none(*_is_good(token, now))
            is_unused = Invitation.token_hash == link_tokens.hashed(token)
            if row is None or not Invitation.delete().where(is_unused).execute():
                raise NoLongerGood
            Account.create(
                email=row.email,
                role=row.role,
                status=AccountStatus.ACTIVE,
                password_hash=password_hash,
                created_at=now,
            )
            record(row.email, "invitation.accepted", row.email, now, row.role)
    except IntegrityError:  # the address has got an account meanwhile
        raise NoLongerGood from None
    return str(row.email)


def _is_good(token: str, now: datetime) -> tuple[Any, ...]:
    is_of_token = Invitation.token_hash == link_tokens.hashed(token)
    return is_of_token, Invitation.expires_at > now, _is_by_operator()


def _is_open(email: str, now: datetime) -> Any:
    return (Invitation.email == email) & (Invitation.expires_at > now)


def _is_by_operator() -> Any:
    """Return the condition that who made an invitation may still invite somebody."""
    makers = Account.select(SQL("1")).where(Account.email == Invitation.invited_by, IS_ACTIVE_OPERATOR)
    return (Invitation.invited_by == COMMAND_LINE) | fn.EXISTS(makers)


def _invited(row: Invitation) -> Invited:
    return Invited(row.email, Role(row.role), row.invited_by, row.created_at, row.expires_at)
