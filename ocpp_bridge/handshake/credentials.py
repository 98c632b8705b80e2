"""Parsing of a handshake's identity (from its path) and key (from its Authorization header). Neither is checked."""

from __future__ import annotations

import base64
import binascii
import hmac
import unicodedata
from urllib.parse import unquote_to_bytes

from websockets.datastructures import Headers, MultipleValuesError

MAX_IDENTITY_LENGTH = 48


def identity(path: str) -> str | None:
    """Return the identity in `/ocpp/<identity>` or `/<identity>`, percent-decoded once; None if it cannot be one."""
    last = path.partition("?")[0].removeprefix("/ocpp/").removeprefix("/")
    try:
        name = unquote_to_bytes(last).decode()
    except UnicodeDecodeError:
        return None
    is_plain = not any(c in "/:" or unicodedata.category(c)[0] == "C" for c in name)
    return name if is_plain and 0 < len(name) <= MAX_IDENTITY_LENGTH else None


def key(headers: Headers, identity: str) -> bytes | None:
    """Return the Basic password as raw bytes if the user name is the identity, else None."""
    try:
        scheme, _, encoded = headers.get("Authorization", "").partition(" ")
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (MultipleValuesError, binascii.Error, ValueError):
        return None
    is_charger = scheme.lower() == "basic" and colon and hmac.compare_digest(user, identity.encode())
    return password if is_charger else None
