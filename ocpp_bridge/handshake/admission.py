"""Owns who may connect: what a handshake says of itself, held against what is known of the charger.

A charger comes with its security profile or it does not come: nothing that it says can lower it. The profiles are
OCPP's: 0 nothing, from private networks alone; 1 its key; 2 its key over TLS; 3 a certificate in its name.
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

NO_HASH = "0" * 64
MAX_VALUE_LENGTH = 64  # of what a proxy says
ENCRYPTED = ("https", "wss")


class Verdict(Enum):
    REFUSED = auto()
    ADMITTED = auto()
    ADMITTED_WITH_NEXT_KEY = auto()  # of a rotation: it is proven now


@dataclass(frozen=True, slots=True)
class Proxies:
    """What the proxies before the bridge are trusted with. Without any, no header counts."""

    hops: int = 0
    common_name_header: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a handshake says that it is, and how it came."""

    identity: str
    key: bytes | None
    address: str  # "" where a proxy did not say
    is_encrypted: bool
    common_name: str | None  # of a certificate that our authority signed


def visitor(socket: Socket, request: Request, proxies: Proxies) -> Visitor | None:
    """Read a handshake; None where its path names no charger."""
    identity = credentials.identity(request.path)
    if identity is None:
        return None
    key = credentials.key(request.headers, identity)
    if proxies.hops:
        header = proxies.common_name_header
        return Visitor(
            identity,
            key,
            _forwarded(request.headers, "X-Forwarded-For", proxies.hops),
            _forwarded(request.headers, "X-Forwarded-Proto", 1).lower() in ENCRYPTED,
            _only(request.headers, header) if header else None,
        )
    peer = socket.transport.get_extra_info("peername")
    address = peer[0] if peer else ""
    certificate = socket.transport.get_extra_info("peercert")
    is_encrypted = socket.transport.get_extra_info("ssl_object") is not None
    return Visitor(identity, key, address, is_encrypted, _common_name(certificate))


def judge(charger: ChargerKey | None, visitor: Visitor, key_secrets: Mapping[int, bytes]) -> Verdict:
    """Whether it may come in. It takes as long for a charger that nobody knows and for one without a second key."""
    newest = max(key_secrets)
    known = charger or ChargerKey(0, visitor.identity, "", newest)
    is_key = _is_either(key_secrets, visitor, known.key_hash, known.key_version or newest)
    is_next = _is_either(key_secrets, visitor, known.next_key_hash, known.next_key_version or newest)
    if charger is None or not _is_enough(charger, visitor, has_key=is_key or is_next):
        return Verdict.REFUSED
    return Verdict.ADMITTED_WITH_NEXT_KEY if is_next else Verdict.ADMITTED


def _is_either(key_secrets: Mapping[int, bytes], visitor: Visitor, key_hash: str, key_version: int) -> bool:
    """Whether the visitor's key is the one that was hashed, or, in raw bytes, the one that it was written for.

    The security whitepaper for 1.6 has a key written in hexadecimal and used as the bytes; many chargers use the text.
    """
    key = visitor.key or b""
    hashed = (key_hash or NO_HASH, key_version)
    is_text = charger_keys.matches(key_secrets, visitor.identity, key, *hashed)
    is_bytes = charger_keys.matches(key_secrets, visitor.identity, key.hex().encode(), *hashed)
    return is_text or is_bytes


def _is_enough(charger: ChargerKey, visitor: Visitor, *, has_key: bool) -> bool:
    if charger.security_profile == 0:
        return _is_private(visitor.address)
    if charger.security_profile == 1:
        return has_key
    if charger.security_profile == 2:
        return has_key and visitor.is_encrypted
    name = visitor.common_name
    return visitor.is_encrypted and name is not None and hmac.compare_digest(name.encode(), charger.identity.encode())


def _is_private(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_private


def _common_name(certificate: Mapping[str, Any] | None) -> str | None:
    """The one common name of a certificate that TLS has verified."""
    subject = (certificate or {}).get("subject", ())
    names = [value for parts in subject for name, value in parts if name == "commonName"]
    return names[0] if len(names) == 1 else None


def _only(headers: Headers, name: str) -> str | None:
    """A header's value; None where a second one could be the visitor's own."""
    values = headers.get_all(name)
    return values[0].strip() if len(values) == 1 else None


def _forwarded(headers: Headers, name: str, hops: int) -> str:
    """What the outermost trusted proxy appended to a header; what stands before that, anybody can write."""
    values = [value.strip() for line in headers.get_all(name) for value in line.split(",")]
    value = values[-hops] if len(values) >= hops else ""
    return value if value.isprintable() and len(value) <= MAX_VALUE_LENGTH else ""
