"""Invitations: a link that makes its holder an account, once. Its token is random, and only a hash of it is stored.

A link that was used, replaced, withdrawn or that has expired is as good as one that never was: it is not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from polaris import link_tokens
from polaris.administration import passwords
from polaris.administration.accounts import normal_email, valid_email
from polaris.administration.audit import Refused, record
from polaris.domain.enums import AccountStatus, Role
from polaris.models import Account, Invitation, blocking, database, locked, run_blocking

LIFETIME = timedelta(days=7)


class NoLongerGood(Refused):
    """A link that was used, replaced, withdrawn or forged, or that has expired: which of them is nobody's business."""


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that can be accepted."""

    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime


@blocking
def invite(email: str, role: Role, *, actor: str, now: datetime) -> str:
    """Invite a person; return the token of the link. An earlier link to the address is no longer good."""
    email = valid_email(email)
    token = link_tokens.new()
    with database.atomic():
        if Account.get_or_none(Account.email == email) is not None:
            raise Refused(f"There is an account {email} already.")
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
        record(actor, "invitation.made", email, now, role)
    return token


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
        is_open = (Invitation.email == email) & (Invitation.expires_at > now)
        row = locked(Invitation.select().where(is_open)).first()
        if row is None:
            raise Refused(f"There is no invitation for {email}. It may have been accepted or withdrawn already.")
        Invitation.delete().where(Invitation.id == row.id).execute()
        record(actor, "invitation.withdrawn", email, now, row.role)


def pending(limit: int, *, now: datetime) -> list[Invited]:
    """Return the invitations that can be accepted, the first to expire first. The caller has a connection."""
    query = Invitation.select().where(Invitation.expires_at > now).order_by(Invitation.expires_at, Invitation.id)
    return [_invited(row) for row in query.limit(limit)]


@blocking
def _accept(token: str, password_hash: str, now: datetime) -> str:
    """Delete the invitation and add the account: of two who do it at once, one finds nothing to delete."""
    try:
        with database.atomic():
            row = Invitation.get_or_none(*_is_good(token, now))
            if row is None or not Invitation.delete().where(*_is_good(token, now)).execute():
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
    return Invitation.token_hash == link_tokens.hashed(token), Invitation.expires_at > now


def _invited(row: Invitation) -> Invited:
    return Invited(row.email, Role(row.role), row.invited_by, row.created_at, row.expires_at)
