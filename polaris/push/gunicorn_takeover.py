"""Taking a connection over from the server once the head of the answer is out: the one place that knows how.

gunicorn's gevent worker gives each request a greenlet and its socket. Its own `Response` sends the head, with the
connection's close as the body's end instead of chunks, and is told that nothing follows: the greenlet ends, gunicorn
closes its file of the socket, and ours stays open. gunicorn calls none of that an interface, so `is_possible` tries it.
Any other server, and TLS that gunicorn ends, is served through a `Relay`.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

from gevent import monkey
from gevent import socket as gevent_socket

from polaris.push import native

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

READ_WITHIN_MS = 30_000  # a browser that takes nothing for so long is cut off by the kernel
UNSENT = 32 * 1024  # bytes that may wait in the kernel beyond what is on its way: they grow old there
RELAYED = 64 * 1024
TRIED_WITHIN_S = 5.0


class Relay(Iterator[bytes]):
    """The body of a response that the server writes: what the hub writes to `fd`, the other end of a pair."""

    def __init__(self) -> None:
        hubs, self._connection = socket.socketpair()
        hubs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT)
        self.fd = hubs.detach()
        os.set_blocking(self.fd, False)

    def __next__(self) -> bytes:
        received = self._connection.recv(RELAYED)
        if not received:
            raise StopIteration
        return received

    def close(self) -> None:
        """The server calls it when its connection is over."""
        self._connection.close()


def take(start_response: Callable[..., Any], status: str, headers: Headers) -> int | None:
    """Answer with a head; return the connection, ours to write to and close. None, with nothing sent, if it cannot."""
    response = getattr(start_response, "__self__", None)
    if (
        not is_possible()
        or type(response) is not _gunicorns_response()
        or type(response.sock) is not gevent_socket.socket
    ):
        return None
    return _take(response, status, headers)


@cache
def is_possible() -> bool:
    """Whether this process's server lets go of a connection as expected; one that should and does not is logged."""
    if _gunicorns_response() is None or not monkey.is_module_patched("socket"):
        return False
    try:
        _try()
    except Exception as error:
        log.warning("gunicorn does not hand its connections over; streams go through it, and cost more: %r", error)
        return False
    return True


def _gunicorns_response() -> Any:
    """gunicorn's class, if it is what serves here."""
    module = sys.modules.get("gunicorn.http.wsgi")
    return None if module is None else module.Response


def _take(response: Any, status: str, headers: Headers) -> int:
    response.start_response(status, headers)
    response.chunked = False
    response.force_close()
    response.send_headers()
    _set_up(response.sock)
    fd = os.dup(response.sock.fileno())
    os.set_blocking(fd, False)
    return fd


def _set_up(connection: socket.socket) -> None:
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READ_WITHIN_MS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)


def _try() -> None:
    """Hand a connection over as a request would, and look at what its other side gets."""
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(TRIED_WITHIN_S)
        request = SimpleNamespace(version=(1, 1), method="GET", should_close=lambda: False)
        response = _gunicorns_response()(request, near, SimpleNamespace(is_ssl=False, sendfile=None))
        fd = _take(response, "200 OK", [("Content-Type", "text/event-stream")])
        response.close()
        near.close()
        os.write(fd, b"event")
        native.close(fd)
        head, _, body = _everything(far).partition(b"\r\n\r\n")
    if not (head.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nConnection: close" in head and body == b"event"):
        raise ValueError(f"unexpected answer: {head + body!r}")
    if b"transfer-encoding" in head.lower() or not response.should_close():
        raise ValueError("the connection would not be let go")


def _everything(connection: socket.socket) -> bytes:
    parts = list(iter(lambda: connection.recv(RELAYED), b""))
    return b"".join(parts)
