"""The texts that can be a charger's identity: those that a handshake's path and HTTP Basic can carry.

OCPP's own limits are narrower; chargers in the field have blanks and letters of every language.
"""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 48  # OCPP 2.0.1, identifierString
ALLOWED = f'An identity has 1 to {MAX_LENGTH} visible characters or blanks, but no "/" and no ":".'


def is_identity(text: str) -> bool:
    """Whether a text can be an identity: "/" ends a path's segment, ":" the user name of HTTP Basic."""
    if not 0 < len(text) <= MAX_LENGTH or text in (".", "..") or text.isspace():  # browsers resolve dots in a path
        return False
    return not any(
        c in "/:" or unicodedata.category(c) in ("Zl", "Zp") or unicodedata.category(c)[0] == "C" for c in text
    )
