"""The random tokens of links that open something without an account. Only a token's hash is stored.

Nobody guesses a token, so a hash without salt is enough, and is found by an index.
"""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 32
MAX_TOKEN_LENGTH = 64  # characters; without it, a stranger could have any length of text hashed


def new() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """Return the hash by which a token is stored and found."""
    return hashlib.sha256(token[:MAX_TOKEN_LENGTH].encode(errors="replace")).hexdigest()


def mark(token_hash: str) -> str:
    """Return what names the holder of a token to its own pages; it opens nothing."""
    return hashed(token_hash)[:16]
