"""Keys of chargers: random, and stored as a keyed hash that is fast enough for ten thousand chargers at once.

A key has 128 random bits, so an HMAC is enough; only a person's password needs a slow hash. The HMAC's secrets are not
Flask's, and versioned: new keys use the highest version, old ones stay valid under theirs.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

PROFILES_WITH_KEY = (1, 2)  # OCPP's security profiles with HTTP Basic authentication
MIN_LENGTH = 16
MAX_LENGTH = 40  # OCPP security whitepaper, BasicAuthPassword


def new() -> str:
    """Return a random key of 32 characters (128 bits, in hexadecimal)."""
    return secrets.token_hex(16)


def hashed(key_secrets: Mapping[int, bytes], identity: str, key: bytes) -> tuple[str, int]:
    """Return the key's hash under the newest secret, and that secret's version."""
    version = max(key_secrets)
    return _digest(key_secrets[version], identity, key), version


def matches(key_secrets: Mapping[int, bytes], identity: str, key: bytes, key_hash: str, key_version: int) -> bool:
    """Return in constant time whether `key` is the one that was hashed."""
    secret = key_secrets.get(key_version, b"")
    return hmac.compare_digest(_digest(secret, identity, key), key_hash) and bool(secret)


def _digest(secret: bytes, identity: str, key: bytes) -> str:
    return hmac.new(secret, identity.encode() + b"\0" + key, hashlib.sha256).hexdigest()
