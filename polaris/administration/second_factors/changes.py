"""Changes to an account's second factors. Each writes an audit row and may sign out devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from polaris.administration.accounts import find_account
from polaris.administration.audit import Refused, checked_name, record
from polaris.administration.second_factors import app, passkeys, recovery_codes
from polaris.administration.second_factors.factors import is_protected
from polaris.administration.second_factors.passkeys import MAX_PASSKEYS, Answer
from polaris.administration.second_factors.sealing import Sealing
from polaris.domain.sentences import say
from polaris.models import Account, AuthenticatorApp, Passkey, SignIn, blocking, database, locked
from polaris.pubsub import Announcer, account_changed

SETUP_LIFETIME = timedelta(minutes=15)  # of a secret that is shown and not confirmed by a code yet


class LastFactor(Refused):
    """The removal of the only factor of an account that must have one."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The person who changes their own factors, and the signed-in device that they do it on."""

    account_id: int
    sign_in_id: str
    email: str


def add_passkey(publisher: Announcer, owner: Owner, answer: Answer, name: str, *, now: datetime) -> tuple[str, ...]:
    """Add the passkey that a browser has made; return recovery codes if it is the account's first factor."""
    codes = _add_passkey(owner, answer, checked_name(name), now)
    publisher.announce(account_changed(owner.account_id))
    return codes


def add_app(
    publisher: Announcer, owner: Owner, sealed: str, code: str, sealing: Sealing, *, now: datetime
) -> tuple[str, ...]:
    """Add the app that made this code from the sealed secret; return recovery codes if it is the first factor."""
    secret = offered_secret(owner, sealed, sealing)
    step = secret and app.matching_step(secret, app.plain(code), now)
    if not secret or not step:
        raise Refused(say("The code does not fit."))
    codes = _add_app(owner, sealing.seal(owner.account_id, secret), step, now)
    publisher.announce(account_changed(owner.account_id))
    return codes


def offer(owner: Owner, secret: str, sealing: Sealing) -> str:
    """Seal a secret that is shown for an app: the same device adds it, within `SETUP_LIFETIME`."""
    return sealing.seal(_device(owner), secret)


def offered_secret(owner: Owner, sealed: str, sealing: Sealing) -> str | None:
    """Return the secret that was shown on this device, None if that is too long ago."""
    return sealing.unseal(_device(owner), sealed, lifetime_s=int(SETUP_LIFETIME.total_seconds()))


def remove_passkey(publisher: Announcer, owner: Owner, passkey_id: int, *, must_keep_one: bool, now: datetime) -> bool:
    """Remove a passkey, and sign out the account's other devices; return False if it has no such passkey."""
    query = Passkey.select().where(Passkey.id == passkey_id, Passkey.account == owner.account_id)
    return _remove(publisher, owner, query, must_keep_one, now)


def remove_app(publisher: Announcer, owner: Owner, *, must_keep_one: bool, now: datetime) -> bool:
    """Remove the app, and sign out the account's other devices; return False if it has none."""
    query = AuthenticatorApp.select().where(AuthenticatorApp.account == owner.account_id)
    return _remove(publisher, owner, query, must_keep_one, now)


@blocking
def recovery_codes_mark(account_id: int) -> str:
    return recovery_codes.mark(account_id)


@blocking
def renew_recovery_codes(owner: Owner, replaced: str, *, now: datetime) -> tuple[str, ...]:
    """Replace the recovery codes that have this mark; return the new ones.

    Raise `Refused` if the account has no factor, or other codes by now: a form that is sent again would void those that
    were shown, and may be on paper.
    """
    with database.atomic():
        _lock(owner.account_id)
        if not is_protected(owner.account_id):
            raise Refused(say("Recovery codes need a passkey or an authenticator app."))
        if replaced != recovery_codes.mark(owner.account_id):
            raise Refused(say("The recovery codes have changed."))
        codes = recovery_codes.renew(owner.account_id)
        record(owner.email, "recovery_codes.renewed", owner.email, now)
        return codes


def reset(publisher: Announcer, email: str, *, actor: str, now: datetime) -> bool:
    """Remove all factors of an account and sign it out everywhere; return False if it has none."""
    account_id = _reset(email, actor, now)
    if account_id is not None:
        publisher.announce(account_changed(account_id))
    return account_id is not None


@blocking
def _add_passkey(owner: Owner, answer: Answer, name: str, now: datetime) -> tuple[str, ...]:
    registration = passkeys.created(answer)
    if registration is None:
        raise Refused(say("The passkey could not be checked."))
    try:
        with database.atomic():
            _lock(owner.account_id)
            is_first = not is_protected(owner.account_id)
            if Passkey.select().where(Passkey.account == owner.account_id).count() >= MAX_PASSKEYS:
                raise Refused(say("An account has %(max_passkeys)s passkeys at most.", max_passkeys=MAX_PASSKEYS))
            times = {"created_at": now, "challenged_at": answer.challenge.made_at}
            Passkey.create(account=owner.account_id, name=name, **times, **passkeys.columns(registration))
            return _added(owner, "passkey.added", name, is_first, now)
    except IntegrityError:
        raise Refused(say("This passkey is there already.")) from None


@blocking
def _add_app(owner: Owner, sealed: str, step: int, now: datetime) -> tuple[str, ...]:
    with database.atomic():
        _lock(owner.account_id)
        is_first = not is_protected(owner.account_id)
        if AuthenticatorApp.get_or_none(AuthenticatorApp.account == owner.account_id) is not None:
            raise Refused(say("There is an authenticator app already."))
        AuthenticatorApp.create(account=owner.account_id, sealed_secret=sealed, last_step=step, created_at=now)
        return _added(owner, "authenticator_app.added", "", is_first, now)


def _added(owner: Owner, action: str, detail: str, is_first: bool, now: datetime) -> tuple[str, ...]:
    codes: tuple[str, ...] = ()
    if is_first:
        _sign_out_others(owner, now)
        codes = recovery_codes.renew(owner.account_id)
    record(owner.email, action, owner.email, now, detail)
    return codes


def _remove(publisher: Announcer, owner: Owner, query: Any, must_keep_one: bool, now: datetime) -> bool:
    is_done = _delete(owner, query, must_keep_one, now)
    publisher.announce(account_changed(owner.account_id))
    return is_done


@blocking
def _delete(owner: Owner, query: Any, must_keep_one: bool, now: datetime) -> bool:
    """Delete the factor that a query selects. Raise `LastFactor` if the account must keep it."""
    with database.atomic():
        _lock(owner.account_id)
        factor = query.first()
        if factor is None:
            return False
        factor.delete_instance()
        if not is_protected(owner.account_id):
            if must_keep_one:
                raise LastFactor(say("Set up another one first."))
            recovery_codes.discard(owner.account_id)
        action, detail = ("passkey", factor.name) if isinstance(factor, Passkey) else ("authenticator_app", "")
        _sign_out_others(owner, now)
        record(owner.email, f"{action}.removed", owner.email, now, detail)
    return True


@blocking
def _reset(email: str, actor: str, now: datetime) -> int | None:
    with database.atomic():
        account = locked(Account.select().where(Account.id == find_account(email).id)).get()
        if not is_protected(account.id):
            return None
        passkeys = Passkey.delete().where(Passkey.account == account).execute()
        apps = AuthenticatorApp.delete().where(AuthenticatorApp.account == account).execute()
        recovery_codes.discard(account.id)
        SignIn.update(revoked_at=now).where(SignIn.account == account, SignIn.revoked_at.is_null()).execute()
        record(actor, "account.factors_reset", account.email, now, f"passkeys: {passkeys}, authenticator apps: {apps}")
    account_id: int = account.id
    return account_id


def _device(owner: Owner) -> str:
    return f"{owner.account_id}/{owner.sign_in_id}"


def _lock(account_id: int) -> None:
    """Let no other change of the account's factors, and no sign-in, happen before the transaction ends."""
    locked(Account.select().where(Account.id == account_id)).get()


def _sign_out_others(owner: Owner, now: datetime) -> None:
    others = (SignIn.account == owner.account_id, SignIn.id != owner.sign_in_id, SignIn.revoked_at.is_null())
    SignIn.update(revoked_at=now).where(*others).execute()
