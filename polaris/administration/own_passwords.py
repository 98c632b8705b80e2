"""A person's own new password: with the present one, or by a link from a mail, of which only a hash is stored.

Whether anybody has an address decides nothing until a mail is made of a request: asking is the same for every address.
A link is good once, for an hour. One that was used, that has expired, or whose account is gone is not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from polaris import link_tokens
from polaris.administration import outbox, passwords
from polaris.administration.audit import record
from polaris.administration.devices import SignedIn, new_device
from polaris.administration.invitations import NoLongerGood
from polaris.administration.notices import move_subscription
from polaris.domain.email_addresses import normal_email
from polaris.models import Account, PasswordReset, SignIn, blocking, database, locked, run_blocking
from polaris.pubsub import Announcer, account_changed

LIFETIME = timedelta(hours=1)
PATH = "/password/"  # of the site; a link's token follows


@dataclass(frozen=True, slots=True)
class Link:
    """A link for a new password that is good."""

    email: str
    expires_at: datetime


def change(publisher: Announcer, account_id: int, sign_in_id: str, password: str, *, now: datetime) -> SignedIn:
    """Change a password, sign the account's other devices out, and this one in anew.

    Raise `Refused` if the password is not taken.
    """
    email = _email(account_id)
    password_hash = run_blocking(passwords.hashed, passwords.checked(password, email))
    signed_in = _change(account_id, sign_in_id, password_hash, now)
    publisher.announce(account_changed(account_id))
    return signed_in


@blocking
def ask_for_link(email: str, language: str, *, mail_secret: str, now: datetime) -> None:
    """Queue a mail with a link for a new password, whoever has the address. Earlier links stay good."""
    email, nonce = normal_email(email), link_tokens.new_nonce()
    token_hash = link_tokens.hashed(link_tokens.derived(mail_secret, nonce))
    with database.atomic():
        row = PasswordReset.create(email=email, token_hash=token_hash, expires_at=now + LIFETIME)
        outbox.queue(email, nonce, now, language, password_reset=row)


@blocking
def opened(token: str, *, now: datetime) -> Link:
    """Return what a link opens, without using it up. Raise `NoLongerGood`."""
    return _link(_good(PasswordReset.token_hash == link_tokens.hashed(token), now))


def choose(publisher: Announcer, token: str, password: str, *, now: datetime) -> str:
    """Set the password of a link's account, and sign it out everywhere; return its address.

    Raise `Refused` if the password is not taken, and `NoLongerGood`.
    """
    email = opened(token, now=now).email
    password_hash = run_blocking(passwords.hashed, passwords.checked(password, email))
    publisher.announce(account_changed(_choose(token, password_hash, now)))
    return email


@blocking
def mailed(reset_id: int, *, now: datetime) -> tuple[Link, str, str] | None:
    """Return a link, its token's hash and its account's language, if it may still be sent to somebody."""
    try:
        row = _good(PasswordReset.id == reset_id, now)
    except NoLongerGood:
        return None
    return _link(row), row.token_hash, Account.get(Account.email == row.email).language


@blocking
def _email(account_id: int) -> str:
    email: str = Account.get_by_id(account_id).email
    return email


@blocking
def _change(account_id: int, sign_in_id: str, password_hash: str, now: datetime) -> SignedIn:
    with database.atomic():
        account = locked(Account.select().where(Account.id == account_id)).get()
        user_agent = SignIn.get_by_id(sign_in_id).user_agent
        _set(account, password_hash, now)
        record(account.email, "account.password_changed", account.email, now)
        signed_in = new_device(account, user_agent, now)
        move_subscription(sign_in_id, signed_in.sign_in_id)
        return signed_in


@blocking
def _choose(token: str, password_hash: str, now: datetime) -> int:
    """Use the link up: of two who do it at once, one finds nothing to delete."""
    with database.atomic():
        row = _good(PasswordReset.token_hash == link_tokens.hashed(token), now)
        account = locked(Account.select().where(Account.email == row.email)).get()
        if not PasswordReset.delete().where(PasswordReset.id == row.id).execute():
            raise NoLongerGood
        _set(account, password_hash, now)
        record(account.email, "account.password_reset", account.email, now)
    account_id: int = account.id
    return account_id


def _set(account: Account, password_hash: str, now: datetime) -> None:
    """Set a password. No sign-in and no link from before it is good any more."""
    Account.update(password_hash=password_hash).where(Account.id == account.id).execute()
    SignIn.update(revoked_at=now).where(SignIn.account == account, SignIn.revoked_at.is_null()).execute()
    PasswordReset.delete().where(PasswordReset.email == account.email).execute()


def _good(is_it: Any, now: datetime) -> PasswordReset:
    has_account = PasswordReset.email.in_(Account.select(Account.email).where(Account.erased_at.is_null()))
    row: PasswordReset | None = PasswordReset.get_or_none(is_it, PasswordReset.expires_at > now, has_account)
    if row is None:
        raise NoLongerGood
    return row


def _link(row: PasswordReset) -> Link:
    return Link(row.email, row.expires_at)
