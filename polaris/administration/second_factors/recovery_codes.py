"""Recovery codes: each signs in once in place of the second factor. Only their salted hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from polaris.administration.audit import record
from polaris.models import Account, RecoveryCode

CODES = 10
LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # without those that are easily mistaken for others
LENGTH = 16  # 79 bits: too many to find one from its hash
GROUP = 4


def renew(account_id: int) -> tuple[str, ...]:
    """Replace the account's codes by new ones, in the caller's transaction; return them as they are to be noted."""
    discard(account_id)
    codes = ["".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(CODES)]
    RecoveryCode.insert_many([{"account": account_id, "code_hash": _hashed(code)} for code in codes]).execute()
    return tuple("-".join(code[at : at + GROUP] for at in range(0, LENGTH, GROUP)) for code in codes)


def discard(account_id: int) -> None:
    RecoveryCode.delete().where(RecoveryCode.account == account_id).execute()


def left(account_id: int) -> int:
    """Return how many codes the account has left."""
    count: int = RecoveryCode.select().where(RecoveryCode.account == account_id).count()
    return count


def mark(account_id: int) -> str:
    """Return what names the account's present codes: it is another one once they are replaced or one is used."""
    rows = RecoveryCode.select().where(RecoveryCode.account == account_id)
    return hashlib.sha256(" ".join(sorted(row.code_hash for row in rows)).encode()).hexdigest()


def use(account: Account, code: str) -> bool:
    """Take one of the account's codes, in the caller's transaction; return False if it is none or was used."""
    for row in RecoveryCode.select().where(RecoveryCode.account == account):
        if secrets.compare_digest(row.code_hash, _hashed(code, row.code_hash.partition(":")[0])):
            return bool(RecoveryCode.delete().where(RecoveryCode.id == row.id).execute())
    return False


def record_use(account: Account, now: datetime) -> None:
    """Record that a code was taken; as any record, last in the transaction."""
    record(account.email, "recovery_code.used", account.email, now, f"{left(account.id)} left")


def _hashed(code: str, salt: str = "") -> str:
    salt = salt or secrets.token_hex(16)
    return f"{salt}:{hashlib.sha256(f'{salt}:{code}'.encode()).hexdigest()}"
