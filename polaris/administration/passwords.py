"""People's passwords: argon2 hashes, and one to check against if an address is unknown.

A hash takes tens of milliseconds: callers run these functions through `models.run_blocking`.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from polaris.administration.audit import Refused

MIN_LENGTH = 10
MAX_LENGTH = 1000

# OWASP's parameters: 19 MiB each, so that a burst of attempts does not take a small machine's memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def checked(password: str) -> str:
    """Return the password. Raise `Refused` if it is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Refused(f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    return password


def hashed(password: str) -> str:
    return _hasher.hash(_normal(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Check a password, in the same time if it is right, wrong, or there is no hash (None)."""
    decoy_hash = _decoy_hash()
    try:
        return _hasher.verify(password_hash or decoy_hash, _normal(password)) and password_hash is not None
    except VerificationError:
        return False


def is_outdated(password_hash: str) -> bool:
    """Return whether the hash was made with other parameters than the present ones."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_hex())


def _normal(password: str) -> bytes:
    """Normalise a password: keyboards compose letters differently, and input that is not UTF-8 has lone surrogates."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
