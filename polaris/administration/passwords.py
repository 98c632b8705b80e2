"""People's passwords: argon2 hashes, and one to check against if an address is unknown.

A hash takes tens of milliseconds: callers run these functions through `models.run_blocking`.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from polaris.administration.audit import Refused
from polaris.domain.sentences import say

MIN_LENGTH = 12
MAX_LENGTH = 128
MIN_SCORE = 3  # of zxcvbn's 0 to 4: below, a list of common passwords and their variations finds it
MAX_SCORED_LENGTH = 72  # zxcvbn takes no more characters; it would need seconds for a thousand
MIN_PART_LENGTH = 4  # of an e-mail address; shorter ones are in other words by chance

# OWASP's parameters: 19 MiB each, so that a burst of attempts does not take a small machine's memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def checked(password: str, email: str) -> str:
    """Return a new password. Raise `Refused` if it has the wrong length or could be guessed."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Refused(
            say(
                "A password has %(min_length)s to %(max_length)s characters.",
                min_length=MIN_LENGTH,
                max_length=MAX_LENGTH,
            )
        )
    parts = [email.casefold(), *re.split(r"[\W_]+", email.casefold())]
    if any(part in password.casefold() for part in parts if len(part) >= MIN_PART_LENGTH):
        raise Refused(say("A password must not contain the e-mail address or a part of it."))
    if _score(password, parts) < MIN_SCORE:
        raise Refused(
            say("This password is easily guessed. Take some words that do not belong together, or a random one.")
        )
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


def _score(password: str, known_words: list[str]) -> int:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists of words are only needed here

    score: int = zxcvbn(password[:MAX_SCORED_LENGTH], user_inputs=known_words)["score"]
    return score


@cache
def _decoy_hash() -> str:
    return _hasher.hash(secrets.token_hex())


def _normal(password: str) -> bytes:
    """Normalise a password: keyboards compose letters differently, and input that is not UTF-8 has lone surrogates."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
