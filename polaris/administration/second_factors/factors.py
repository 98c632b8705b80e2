"""The second factors of an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from polaris.administration.accounts import find_account
from polaris.administration.second_factors import recovery_codes
from polaris.models import AuthenticatorApp, Passkey, blocking


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    id: int
    credential_id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppRow:
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """All factors of an account."""

    passkeys: tuple[PasskeyRow, ...]
    app: AppRow | None
    recovery_codes: int

    def __bool__(self) -> bool:
        return bool(self.passkeys) or self.app is not None


@blocking
def factors(account_id: int) -> Factors:
    return _factors(account_id)


@blocking
def has_factor(account_id: int) -> bool:
    return is_protected(account_id)


@blocking
def factors_of(email: str) -> Factors:
    """Return the factors of the account of an address. Raise `Refused` if there is no such account."""
    return _factors(find_account(email).id)


def is_protected(account_id: int) -> bool:
    """Return whether an account has a factor, in the caller's transaction."""
    passkey = Passkey.select().where(Passkey.account == account_id)
    authenticator = AuthenticatorApp.select().where(AuthenticatorApp.account == account_id)
    return passkey.exists() or authenticator.exists()


def _factors(account_id: int) -> Factors:
    rows = Passkey.select().where(Passkey.account == account_id).order_by(Passkey.id)
    authenticator = AuthenticatorApp.get_or_none(AuthenticatorApp.account == account_id)
    return Factors(
        tuple(PasskeyRow(row.id, row.credential_id, row.name, row.created_at, row.last_used_at) for row in rows),
        None if authenticator is None else AppRow(authenticator.created_at, authenticator.last_used_at),
        recovery_codes.left(account_id),
    )
