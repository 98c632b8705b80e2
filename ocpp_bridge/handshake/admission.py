"""Admission: a handshake's credentials are checked against the stored charger.

A charger must meet its stored security profile; nothing in a handshake can lower it. The profiles are OCPP's:
0 a private network, and no key; 1 its key; 2 its key over TLS; 3 a certificate in its name, over TLS.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request

from ocpp_bridge.connection.websocket import Socket
from ocpp_bridge.handshake import credentials
from polaris import charger_keys
from polaris.ingest import ChargerKey

NO_HASH = "0" * 64  # compared with where no key is stored, so that the time is the same
MAX_VALUE_LENGTH = 64  # of a forwarded value; longer ones are no address, and would be stored and logged
MAX_PATH_LENGTH = 200  # of what is stored and logged of a refused handshake's path
ENCRYPTED = ("https", "wss")


class Verdict(Enum):
    REFUSED = auto()
    ADMITTED = auto()
    ADMITTED_WITH_NEXT_KEY = auto()  # the new key of a rotation, which the charger thereby proves to have


@dataclass(frozen=True, slots=True)
class Proxies:
    """Trust in the proxies in front of the bridge. Without any, headers are ignored."""

    hops: int = 0
    common_name_header: str = ""


@dataclass(frozen=True, slots=True)
class Handshake:
    """A handshake's claimed identity, its credentials and its origin."""

    identity: str
    key: bytes | None
    address: str  # "" if the proxy did not forward it
    is_encrypted: bool
    common_name: str | None  # of a verified client certificate
    path: str = ""  # that it asked for, printable, without the query: that may hold a secret


def read(socket: Socket, request: Request, proxies: Proxies, identity: str) -> Handshake:
    """Read a handshake of the charger that its path means; `identity` is "" if it means none."""
    key = credentials.key(request.headers, identity)
    path = "".join(filter(str.isprintable, request.path.partition("?")[0]))[:MAX_PATH_LENGTH]
    if proxies.hops:
        header = proxies.common_name_header
        return Handshake(
            identity,
            key,
            _forwarded(request.headers, "X-Forwarded-For", proxies.hops),
            _forwarded(request.headers, "X-Forwarded-Proto", 1).lower() in ENCRYPTED,
            _only(request.headers, header) if header else None,
            path,
        )
    peer = socket.transport.get_extra_info("peername")
    address = peer[0] if peer else ""
    certificate = socket.transport.get_extra_info("peercert")
    is_encrypted = socket.transport.get_extra_info("ssl_object") is not None
    return Handshake(identity, key, address, is_encrypted, _common_name(certificate), path)


def judge(charger: ChargerKey | None, handshake: Handshake, key_secrets: Mapping[int, bytes]) -> Verdict:
    """Decide whether to admit a handshake, in the same time whether the charger exists and has a second key or not."""
    newest = max(key_secrets)
    stored = charger or ChargerKey(0, handshake.identity, "", newest)
    is_key = _is_key(key_secrets, handshake, stored.key_hash, stored.key_version or newest)
    is_next = _is_key(key_secrets, handshake, stored.next_key_hash, stored.next_key_version or newest)
    if charger is None or not _meets_profile(charger, handshake, has_key=is_key or is_next):
        return Verdict.REFUSED
    return Verdict.ADMITTED_WITH_NEXT_KEY if is_next else Verdict.ADMITTED


def _is_key(key_secrets: Mapping[int, bytes], handshake: Handshake, key_hash: str, key_version: int) -> bool:
    """Return whether the hash is of the handshake's key, or of its hexadecimal text.

    By the security whitepaper for 1.6 a key is written in hexadecimal and sent as bytes; many chargers send the text.
    """
    key = handshake.key or b""
    hashed = (key_hash or NO_HASH, key_version)
    is_text = charger_keys.matches(key_secrets, handshake.identity, key, *hashed)
    is_bytes = charger_keys.matches(key_secrets, handshake.identity, key.hex().encode(), *hashed)
    return is_text or is_bytes


def _meets_profile(charger: ChargerKey, handshake: Handshake, *, has_key: bool) -> bool:
    if charger.security_profile == 0:
        return _is_private(handshake.address)
    if charger.security_profile == 1:
        return has_key
    if charger.security_profile == 2:
        return has_key and handshake.is_encrypted
    name = handshake.common_name
    return handshake.is_encrypted and name is not None and hmac.compare_digest(name.encode(), charger.identity.encode())


def _is_private(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_private


def _common_name(certificate: Mapping[str, Any] | None) -> str | None:
    """Return the single common name of a certificate that TLS has verified, or None."""
    subject = (certificate or {}).get("subject", ())
    names = [value for parts in subject for name, value in parts if name == "commonName"]
    return names[0] if len(names) == 1 else None


def _only(headers: Headers, name: str) -> str | None:
    """Return a header's value, or None if there are several: one could be the client's own."""
    values = headers.get_all(name)
    return values[0].strip() if len(values) == 1 else None


def _forwarded(headers: Headers, name: str, hops: int) -> str:
    """Return the value that the outermost trusted proxy appended to a header; any client can write those before it."""
    values = [value.strip() for line in headers.get_all(name) for value in line.split(",")]
    value = values[-hops] if len(values) >= hops else ""
    return value if value.isprintable() and len(value) <= MAX_VALUE_LENGTH else ""
