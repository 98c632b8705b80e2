"""Chargers' keys: random, long, and kept as a keyed hash that ten thousand chargers can be checked against at once.

The keys have 128 bits of their own, so a fast HMAC is enough where a person's password needs argon2. Its secret is
apart from Flask's and versioned: new keys use the highest version, old ones stay valid under theirs.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

MIN_LENGTH = 16
MAX_LENGTH = 40  # OCPP security whitepaper, BasicAuthPassword


def new() -> str:
    """A random key of 32 characters (128 bits, in hexadecimal)."""
    return secrets.token_hex(16)


def hashed(key_secrets: Mapping[int, bytes], identity: str, key: bytes) -> tuple[str, int]:
    """The key's hash under the newest secret, and that secret's version."""
    version = max(key_secrets)
    return _digest(key_secrets[version], identity, key), version


def matches(key_secrets: Mapping[int, bytes], identity: str, key: bytes, key_hash: str, key_version: int) -> bool:
    """Whether `key` is the one that was hashed, in the same time whether it is or not."""
    secret = key_secrets.get(key_version, b"")
    return hmac.compare_digest(_digest(secret, identity, key), key_hash) and bool(secret)


def _digest(secret: bytes, identity: str, key: bytes) -> str:
    return hmac.new(secret, identity.encode() + b"\0" + key, hashlib.sha256).hexdigest()
