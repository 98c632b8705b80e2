"""The links in mails by which a person gets no more of them. They are signed, stored nowhere, and open nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from itsdangerous import BadSignature, URLSafeSerializer

PATH = "/unsubscribe/"  # of the site; a link's token follows
SALT = "polaris: unsubscribe"


def token(secret_keys: Sequence[str], account_id: int) -> str:
    """Return the token of an account's link."""
    text = _serializer(secret_keys).dumps(account_id)
    return text if isinstance(text, str) else text.decode()


def account_of(secret_keys: Sequence[str], token: str) -> int | None:
    """Return the account of a link; None if it was not made here."""
    try:
        account_id = _serializer(secret_keys).loads(token)
    except BadSignature:
        return None
    return account_id if isinstance(account_id, int) else None


def _serializer(secret_keys: Sequence[str]) -> URLSafeSerializer:
    return URLSafeSerializer(list(secret_keys), salt=SALT)
