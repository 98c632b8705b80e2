"""Encryption of the secrets of authenticator apps: whoever reads the database alone can make no codes."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PURPOSE = b"polaris: secrets of authenticator apps"


class Sealing:
    """Seals a text for an owner with a key that is derived from `SECRET_KEY`, from its newest version.

    The owner is an account, or an account at one signed-in device.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        """Take all versions, from the oldest to the newest: what an older one has sealed can be read."""
        self._fernet = MultiFernet([_fernet(key) for key in reversed(secret_keys)])

    def seal(self, owner: int | str, secret: str) -> str:
        return self._fernet.encrypt(f"{owner}:{secret}".encode()).decode()

    def unseal(self, owner: int | str, sealed: str, *, lifetime_s: int | None = None) -> str | None:
        """Return the secret; None if it is another owner's, too old, or was not sealed with one of the keys."""
        try:
            text = self._fernet.decrypt(sealed.encode(), lifetime_s).decode()
        except (InvalidToken, UnicodeEncodeError):
            return None
        sealed_for, _, secret = text.partition(":")
        return secret if sealed_for == str(owner) else None


def _fernet(secret_key: str) -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))
