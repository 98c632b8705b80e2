"""Parsing of a handshake's identity (from its path) and key (from its Authorization header). Neither is checked."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from websockets.datastructures import Headers, MultipleValuesError

from polaris.domain.identities import is_identity, is_same

PREFIX = "ocpp"  # of the path, before the identity
# Parts of a path that name a protocol or its version, such as `1.6`, `ocpp2.0.1`, `ocpp16` and `ws`.
_PROTOCOL = re.compile(r"(?:ocpp|wss?|websocket)[-_]?v?[0-9.]{0,5}j?|v?[12](?:\.[0-9]){1,2}j?", re.IGNORECASE)
MAX_NAMES = 6  # in a path; each is looked up


def names(path: str, headers: Headers) -> list[str]:
    """Return the identities that a path may mean, percent-decoded once; the likeliest is the last.

    `/ocpp/<identity>` and `/<identity>` mean one. Chargers add a slash, their version or the identity once more; if the
    path has only a protocol and its version, the user name of HTTP Basic is one. The caller has to know exactly one.
    """
    users = [spelling.decode("utf-8", "replace") for spelling in _spellings((_basic(headers) or (b"",))[0])]
    segments = list(filter(is_identity, _decoded(path.partition("?")[0]).split("/")))
    if segments and segments[0].lower() == PREFIX:
        del segments[0]
    if all(map(_PROTOCOL.fullmatch, segments)):
        segments += filter(is_identity, users[-1:])
    found = sorted(dict.fromkeys(segments), key=users.__contains__)  # stable: the user name comes last
    return found if len(found) <= MAX_NAMES else []


def _decoded(path: str) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return ""


def key(headers: Headers, identity: str) -> bytes | None:
    """Return the Basic password as raw bytes if the user name is the identity, else None."""
    user, password = _basic(headers) or (b"", b"")
    is_charger = any(is_same(spelling.decode("utf-8", "replace"), identity) for spelling in _spellings(user))
    return password if user and is_charger else None


def _spellings(user: bytes) -> list[bytes]:
    """Return a user name as it was sent, from Latin-1, and percent-decoded, as it is in the path."""
    return [user, user.decode("latin-1").encode(), unquote_to_bytes(user)]


def _basic(headers: Headers) -> tuple[bytes, bytes] | None:
    """Return the user name and the password of HTTP Basic."""
    try:
        scheme, _, encoded = headers.get("Authorization", "").partition(" ")
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (MultipleValuesError, binascii.Error, ValueError):
        return None
    return (user, password) if scheme.lower() == "basic" and colon else None
