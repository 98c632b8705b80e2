"""Sign-ins that need a second factor, and the confirmation of one that goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from polaris.administration import passwords
from polaris.administration.devices import HalfSignedIn, SignedIn, new_device, password_mark
from polaris.administration.second_factors import app, passkeys, recovery_codes
from polaris.administration.second_factors.passkeys import Answer
from polaris.administration.second_factors.sealing import Sealing
from polaris.models import Account, SignIn, blocking, database, locked, run_blocking


class Proof(Protocol):
    """A claim to have a factor of an account."""

    @property
    def kind(self) -> str:
        """The kind of factor that it claims to have."""

    def use(self, account: Account, now: datetime) -> bool:
        """Check it in the caller's transaction, and let it be taken no second time."""

    def record(self, account: Account, now: datetime) -> None:
        """Record in the audit log, last in the transaction, what the owner has to know of its use."""


@dataclass(frozen=True, slots=True)
class CodeProof:
    """A code as it was typed: of the authenticator app, or a recovery code."""

    APP: ClassVar[str] = "code"

    code: str
    sealing: Sealing

    @property
    def kind(self) -> str:
        return "recovery code" if self.is_recovery_code else self.APP

    @property
    def is_recovery_code(self) -> bool:
        return len(self._plain) == recovery_codes.LENGTH

    def use(self, account: Account, now: datetime) -> bool:
        if self.is_recovery_code:
            return recovery_codes.use(account, self._plain)
        return app.use_code(account.id, self._plain, self.sealing, now)

    def record(self, account: Account, now: datetime) -> None:
        if self.is_recovery_code:
            recovery_codes.record_use(account, now)

    @property
    def _plain(self) -> str:
        return app.plain(self.code)


@dataclass(frozen=True, slots=True)
class PasskeyProof:
    answer: Answer
    kind = "passkey"

    def use(self, account: Account, now: datetime) -> bool:
        return passkeys.use(account.id, self.answer, now, alone=False)

    def record(self, account: Account, now: datetime) -> None:
        pass


@blocking
def finish_sign_in(half: HalfSignedIn, proof: Proof, user_agent: str, *, now: datetime) -> SignedIn | None:
    """Sign a device in whose password was right; return None if the proof does not hold."""
    with database.atomic():
        account = _locked(half.account_id)
        if password_mark(account.password_hash) != half.password_mark or not proof.use(account, now):
            return None
        signed_in = new_device(account, user_agent, now)
        proof.record(account, now)
        return signed_in


@blocking
def sign_in_with_passkey(answer: Answer, user_agent: str, *, now: datetime) -> SignedIn | None:
    """Sign a device in by a passkey alone, which must have verified its user."""
    with database.atomic():
        account_id = passkeys.owner_id(answer)
        account = account_id and _locked(account_id)
        if not account or not passkeys.use(account.id, answer, now, alone=True):
            return None
        return new_device(account, user_agent, now)


@blocking
def confirm(account_id: int, sign_in_id: str, proof: Proof, *, now: datetime) -> bool:
    """Note that the owner of a signed-in device is at it; return False if the proof does not hold."""
    with database.atomic():
        account = _locked(account_id)
        if not proof.use(account, now):
            return False
        is_noted = _note_confirmed(sign_in_id, now)
        proof.record(account, now)
        return is_noted


def confirm_by_password(account_id: int, sign_in_id: str, password: str, *, now: datetime) -> bool:
    """Do the same by the password, for an account without a second factor."""
    return is_password(account_id, password) and _note_confirmed(sign_in_id, now)


def is_password(account_id: int, password: str) -> bool:
    """Tell whether this is the account's password."""
    return run_blocking(passwords.matches, _password_hash(account_id), password)


@blocking
def _password_hash(account_id: int) -> str:
    password_hash: str = Account.get_by_id(account_id).password_hash
    return password_hash


@blocking
def _note_confirmed(sign_in_id: str, now: datetime) -> bool:
    query = SignIn.update(confirmed_at=now).where(SignIn.id == sign_in_id, SignIn.revoked_at.is_null())
    return bool(query.execute())


def _locked(account_id: int) -> Account:
    account: Account = locked(Account.select().where(Account.id == account_id)).get()
    return account
