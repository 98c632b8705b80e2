"""The one request to a push service, whose address a browser said and which may be anywhere.

It is resolved here, each of its addresses has to be public, and the connection goes to the address that was checked.
No redirect is followed, and the answer is read no further than its status.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Network, ip_address
from urllib.parse import urlsplit

ANSWER_TIMEOUT_S = 10.0
SEND_TIMEOUT_S = 30.0  # without it, a server that answers a byte at a time would hold the sender for ever
HTTPS_PORT = 443
NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 from where there is only IPv6 (RFC 6052)
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # the same of a network's own (RFC 8215), with whatever addresses
MAX_ADDRESSES = 3  # of a host, that are tried

NOT_PUBLIC = "Its push service is not on the public internet."
TOO_LATE = "Its push service did not answer in time."
UNREACHABLE = "Its push service could not be reached: %(reason)s"


class Unreachable(Exception):
    """A push service that did not answer; its text says why. `is_final` if it is never asked again."""

    def __init__(self, words: str, *, is_final: bool = False) -> None:
        super().__init__(words)
        self.is_final = is_final


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also behind IPv4's ways into IPv6."""
    ip = ip_address(address.partition("%")[0])
    if ip.version == 6:
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip in LOCAL_NAT64 or (inner is not None and not is_public(str(inner))):
            return False
    return ip.is_global and not ip.is_multicast


def origin(endpoint: str) -> str:
    """Return the origin of a push service, which is whom the proof of the sender is for."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


class PushServices:
    """Posts to push services. Tests have a certificate and an address of their own."""

    def __init__(self, may_reach: Callable[[str], bool] = is_public, context: ssl.SSLContext | None = None) -> None:
        self._may_reach = may_reach
        self._context = context or ssl.create_default_context()

    def post(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post, and return the status of the answer. Raise `Unreachable`."""
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
        connection = _Connection(self._checked(host, port), host, port, self._context)
        cut = threading.Timer(SEND_TIMEOUT_S, connection.cut)
        cut.daemon = True
        cut.start()
        try:
            path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request("POST", path, body, dict(headers))
            return connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise _unreachable(error, is_cut=connection.is_cut) from None
        finally:
            cut.cancel()
            connection.close()

    def _checked(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host. One that is not public decides: the service is no service of the internet."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise _unreachable(error) from None
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(map(self._may_reach, addresses)):
            raise Unreachable(NOT_PUBLIC, is_final=True)
        return addresses[:MAX_ADDRESSES]


class _Connection(HTTPSConnection):
    """A connection to one of the addresses that were checked; the certificate has to be the host's."""

    def __init__(self, addresses: list[str], host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=ANSWER_TIMEOUT_S, context=context)
        self._addresses = addresses
        self._tls = context
        self.is_cut = False

    def connect(self) -> None:
        plain = self._connected()
        self.sock = plain  # so that it can be cut during the handshake
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)

    def _connected(self) -> socket.socket:
        for address in self._addresses[:-1]:
            with suppress(OSError):  # such as IPv6, where there is only IPv4
                return socket.create_connection((address, self.port), ANSWER_TIMEOUT_S)
        return socket.create_connection((self._addresses[-1], self.port), ANSWER_TIMEOUT_S)

    def cut(self) -> None:
        """Break the connection under a call that waits for the server."""
        self.is_cut = True
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _unreachable(error: Exception, *, is_cut: bool = False) -> Unreachable:
    if is_cut or isinstance(error, TimeoutError):
        return Unreachable(TOO_LATE)
    reason = getattr(error, "strerror", None) or type(error).__name__
    return Unreachable(UNREACHABLE % {"reason": reason})
