"""Signed-in devices: one row each, whose random id is in the device's cookie. A revoked row signs nobody in."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from polaris.administration import passwords
from polaris.administration.audit import record
from polaris.administration.profiles import profile_of
from polaris.administration.second_factors.factors import is_protected
from polaris.config import MAX_SIGN_IN_DAYS, Config
from polaris.domain.email_addresses import normal_email
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.profile import Profile
from polaris.domain.sign_ins import Lifetime, Lifetimes
from polaris.models import Account, SignIn, blocking, database, locked, run_blocking
from polaris.pubsub import Announcer, account_changed

MAX_LIFETIME = timedelta(days=MAX_SIGN_IN_DAYS)
SEEN_INTERVAL = timedelta(minutes=1)  # between two writes of last_seen_at: otherwise each request would write
MAX_USER_AGENT_LENGTH = 255
# Of an account: without it, a program that signs in again and again would have any number of devices and streams.
MAX_DEVICES = 20


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account that is signed in on a device."""

    sign_in_id: str
    account_id: int
    email: str
    role: Role
    status: AccountStatus
    confirmed_at: datetime  # when the account's owner last proved to be at the device
    profile: Profile


@dataclass(frozen=True, slots=True)
class HalfSignedIn:
    """An account whose password was right, and whose second factor is missing. It gives access to nothing."""

    account_id: int
    email: str
    password_mark: str  # of the password that was right: a changed one ends it


@dataclass(frozen=True, slots=True)
class Device:
    id: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime


def lifetimes(config: Config) -> Lifetimes:
    return Lifetimes(
        operator=Lifetime(timedelta(hours=config.operator_sign_in_h), timedelta(hours=config.operator_idle_h)),
        driver=Lifetime(timedelta(days=config.driver_sign_in_days), timedelta(days=config.driver_idle_days)),
    )


def sign_in(email: str, password: str, user_agent: str, *, now: datetime) -> SignedIn | HalfSignedIn | None:
    """Check a password and sign a device in; return None if the password is wrong.

    If the account has a second factor, `second_factors.sign_in` finishes the sign-in.
    It takes the same time for an unknown address as for a wrong password.
    """
    email = normal_email(email)
    password_hash = _password_hash(email)
    if not run_blocking(passwords.matches, password_hash, password) or password_hash is None:
        return None
    better_hash = run_blocking(passwords.hashed, password) if passwords.is_outdated(password_hash) else password_hash
    return _insert(email, password_hash, better_hash, user_agent, now)


@blocking
def signed_in(sign_in_id: str, limits: Lifetimes, *, is_use: bool = True, now: datetime) -> SignedIn | None:
    """Return the account that is signed in on a device, else None.

    If its person asks (`is_use`), update `last_seen_at`, at most once a minute.
    """
    row = (
        SignIn.select(SignIn, Account).join(Account).where(SignIn.id == sign_in_id, SignIn.revoked_at.is_null()).first()
    )
    if row is None or limits.is_over(Role(row.account.role), row.created_at, row.last_seen_at, now):
        return None
    if is_use and now - row.last_seen_at >= SEEN_INTERVAL:
        SignIn.update(last_seen_at=now).where(SignIn.id == row.id).execute()
    return _signed_in(row.id, row.account, row.confirmed_at)


@blocking
def devices(account_id: int, lifetime: Lifetime, *, now: datetime) -> list[Device]:
    """Return the devices that an account is signed in on, the most recently seen first."""
    query = (
        SignIn.select()
        .where(
            SignIn.account == account_id,
            SignIn.revoked_at.is_null(),
            SignIn.created_at > now - lifetime.absolute,
            SignIn.last_seen_at > now - lifetime.idle,
        )
        .order_by(SignIn.last_seen_at.desc(), SignIn.id)
        .limit(MAX_DEVICES)
    )
    return [Device(row.id, row.user_agent, row.created_at, row.last_seen_at) for row in query]


def sign_out(publisher: Announcer, account_id: int, sign_in_id: str, *, actor: str, now: datetime) -> bool:
    """Sign one device of the account out; return False if it has no such device."""
    is_done = _revoke(account_id, sign_in_id.replace("\0", ""), "device.signed_out", actor, now)
    publisher.announce(account_changed(account_id))
    return is_done


def sign_out_everywhere(publisher: Announcer, account_id: int, *, actor: str, now: datetime) -> None:
    """Sign every device of the account out."""
    _revoke(account_id, None, "device.all_signed_out", actor, now)
    publisher.announce(account_changed(account_id))


@blocking
def _revoke(account_id: int, sign_in_id: str | None, action: str, actor: str, now: datetime) -> bool:
    """Revoke one device of an account, or all of them if `sign_in_id` is None."""
    is_it = (SignIn.account == account_id) & SignIn.revoked_at.is_null()
    if sign_in_id is not None:
        is_it &= SignIn.id == sign_in_id
    with database.atomic():
        row = None if sign_in_id is None else SignIn.get_or_none(is_it)
        is_done = bool(SignIn.update(revoked_at=now).where(is_it).execute())
        if is_done or sign_in_id is None:
            record(actor, action, Account.get_by_id(account_id).email, now, row.user_agent if row else "")
    return is_done


@blocking
def _password_hash(email: str) -> str | None:
    account = Account.get_or_none(Account.email == email)
    return None if account is None else account.password_hash


@blocking
def password_mark_of(email: str) -> str:
    """Return the mark of an account's password, "" if there is no such account."""
    account = Account.get_or_none(Account.email == normal_email(email))
    return "" if account is None else password_mark(account.password_hash)


@blocking
def _insert(
    email: str, password_hash: str, better_hash: str, user_agent: str, now: datetime
) -> SignedIn | HalfSignedIn | None:
    """Sign the device in, at least by half, unless the password has changed meanwhile."""
    with database.atomic():
        same = (Account.email == email, Account.password_hash == password_hash)
        account = locked(Account.select().where(*same)).first()
        if account is None:
            return None
        if better_hash != password_hash:
            Account.update(password_hash=better_hash).where(Account.id == account.id).execute()
        if is_protected(account.id):
            return HalfSignedIn(account.id, email, password_mark(better_hash))
        return new_device(account, user_agent, now)


def new_device(account: Account, user_agent: str, now: datetime) -> SignedIn:
    """Sign a device in, in the caller's transaction; delete rows whose cookies have expired."""
    device = secrets.token_urlsafe(32)
    user_agent = user_agent.replace("\0", "")[:MAX_USER_AGENT_LENGTH]
    SignIn.delete().where(SignIn.account == account, SignIn.created_at < now - MAX_LIFETIME).execute()
    times = {"created_at": now, "last_seen_at": now, "confirmed_at": now}
    SignIn.create(id=device, account=account, user_agent=user_agent, **times)
    signed_out = _sign_out_beyond_limit(account, now)
    record(account.email, "device.signed_in", account.email, now, user_agent)
    for _ in range(signed_out):
        record(account.email, "device.signed_out", account.email, now, f"more than {MAX_DEVICES} devices")
    return _signed_in(device, account, now)


def password_mark(password_hash: str) -> str:
    """Return a text that differs for another password, and from which nobody finds the hash."""
    return hashlib.sha256(password_hash.encode()).hexdigest()


def _sign_out_beyond_limit(account: Account, now: datetime) -> int:
    """Sign out the devices seen the longest ago, in the caller's transaction; return how many these were.

    Their streams end within ten seconds.
    """
    ids = SignIn.select(SignIn.id).where(SignIn.account == account, SignIn.revoked_at.is_null())
    newest_first = ids.order_by(SignIn.last_seen_at.desc(), SignIn.created_at.desc(), SignIn.id)
    too_many = list(newest_first)[MAX_DEVICES:]
    for row in too_many:
        SignIn.update(revoked_at=now).where(SignIn.id == row.id).execute()
    return len(too_many)


def _signed_in(device: str, account: Account, confirmed_at: datetime) -> SignedIn:
    role, status = Role(account.role), AccountStatus(account.status)
    return SignedIn(device, account.id, account.email, role, status, confirmed_at, profile_of(account))
