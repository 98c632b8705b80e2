"""The key by which push services know this installation (VAPID, RFC 8292). It is derived from `SECRET_KEY`.

So every process has it without a secret that is stored, and it stays as long as `SECRET_KEY` has that version: a device
takes pushes for the one key that it was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from py_vapid import b64urlencode

PURPOSE = b"polaris: key for web push"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
EXTRA_BYTES = 16  # so that all keys are as likely as each other, but for nothing that matters


@lru_cache(maxsize=16)
def private_key(secret: str) -> ec.EllipticCurvePrivateKey:
    """Return the key that a version of `SECRET_KEY` gives."""
    digest = HKDF(SHA256(), 32 + EXTRA_BYTES, salt=None, info=PURPOSE).derive(secret.encode())
    return ec.derive_private_key(int.from_bytes(digest) % (ORDER - 1) + 1, ec.SECP256R1())


def public_key(secret: str) -> str:
    """Return its public half as browsers take it."""
    point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    text: str = b64urlencode(private_key(secret).public_key().public_bytes(*point))
    return text


def key_of(secrets: Iterable[str], public: str) -> ec.EllipticCurvePrivateKey | None:
    """Return the key with this public half; None if no version of `SECRET_KEY` gives it."""
    return next((private_key(secret) for secret in secrets if public_key(secret) == public), None)
