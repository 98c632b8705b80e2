"""The texts that can be a charger's identity: those that a handshake's path and HTTP Basic can carry.

OCPP's own limits are narrower; chargers in the field have blanks and letters of every language.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Sequence

from polaris.domain.sentences import say

MAX_LENGTH = 48  # OCPP 2.0.1, identifierString
ALLOWED = say('An identity has 1 to %(limit)s visible characters or blanks, but no "/" and no ":".', limit=MAX_LENGTH)

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def is_identity(text: str) -> bool:
    """Whether a text can be an identity: "/" ends a path's segment, ":" the user name of HTTP Basic."""
    if not 0 < len(text) <= MAX_LENGTH or text in (".", "..") or text.isspace():  # browsers resolve dots in a path
        return False
    return not any(
        c in "/:" or unicodedata.category(c) in ("Zl", "Zp") or unicodedata.category(c)[0] == "C" for c in text
    )


def spellings_of(identities: Sequence[str]) -> list[str]:
    """Return identities as they are, without blanks around them, and in small letters (OCPP 2.x: case-insensitive).

    Databases differ in whether they change the case of other letters than ASCII's, so both are among them.
    """
    trimmed = [identity.strip() for identity in identities]
    lowered = [identity.translate(_LOWER) for identity in trimmed] + [identity.lower() for identity in trimmed]
    return list(dict.fromkeys([*identities, *trimmed, *lowered]))


def is_same(one: str, other: str) -> bool:
    """Whether two texts are the same identity in another spelling."""
    return one.strip().lower() == other.strip().lower()
