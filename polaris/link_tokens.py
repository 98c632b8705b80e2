"""The tokens of links that open something without an account. Only a token's hash is stored.

Nobody guesses a token, so a hash without salt is enough, and is found by an index.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

TOKEN_BYTES = 32
NONCE_BYTES = 16
PURPOSE = "polaris: the token of a link: "
MAX_TOKEN_LENGTH = 64  # characters; without it, a stranger could have any length of text hashed


def new() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_nonce() -> str:
    return secrets.token_hex(NONCE_BYTES)


def derived(secret: str, nonce: str) -> str:
    """Return the token that a secret and a nonce give, so that a link can be written again and stored nowhere."""
    digest = hmac.digest(secret.encode(), f"{PURPOSE}{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def derived_again(secrets_: Iterable[str], nonce: str, token_hash: str) -> str | None:
    """Return the token of a hash, made from the secret that made it; None if that is none of these."""
    tokens = (derived(secret, nonce) for secret in secrets_)
    return next((token for token in tokens if hashed(token) == token_hash), None)


def hashed(token: str) -> str:
    """Return the hash by which a token is stored and found."""
    return hashlib.sha256(token[:MAX_TOKEN_LENGTH].encode(errors="replace")).hexdigest()


def mark(token_hash: str) -> str:
    """Return what names the holder of a token to its own pages; it opens nothing."""
    return hashed(token_hash)[:16]
