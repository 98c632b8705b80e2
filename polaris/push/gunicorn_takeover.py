"""The takeover of a connection from gunicorn once the head of the answer is sent.

gunicorn's gevent worker gives each request a greenlet and its socket. Its own `Response` sends the head, without
chunked encoding, so that the end of the connection ends the body. For gunicorn, the request is over then: the greenlet
ends, gunicorn closes its copy of the socket, and a duplicate stays open for the hub. None of that is a public interface
of gunicorn, so `is_possible` tries it on a pair of sockets first. Behind any other server, and when gunicorn itself
ends TLS, a `Relay` passes the hub's bytes through the server.
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

from polaris.push import unpatched

log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]

# The kernel cuts off a browser that acknowledges nothing for so long. Without it, a connection whose network is gone
# would stay open for a quarter of an hour of retransmissions.
READ_TIMEOUT_MS = 30_000
# Bytes that may wait in the kernel unsent. Without it, a slow browser would be shown minutes of outdated states first.
MAX_UNSENT_BYTES = 32 * 1024
RELAY_CHUNK_BYTES = 64 * 1024
SELF_TEST_TIMEOUT_S = 5.0


class Relay(Iterator[bytes]):
    """The body of a response that the server writes: it yields the bytes that the hub writes to `fd`."""

    def __init__(self) -> None:
        hub_side, self._server_side = socket.socketpair()
        hub_side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_UNSENT_BYTES)
        self.fd = hub_side.detach()
        os.set_blocking(self.fd, False)

    def __next__(self) -> bytes:
        received = self._server_side.recv(RELAY_CHUNK_BYTES)
        if not received:
            raise StopIteration
        return received

    def close(self) -> None:
        """Close the server's side. WSGI servers call this when their connection ends."""
        self._server_side.close()


def take(start_response: Callable[..., Any], status: str, headers: Headers) -> int | None:
    """Send the head of an answer and take the connection over; return its file descriptor, for the caller to close.

    Return None, with nothing sent, if the server does not allow it.
    """
    response = getattr(start_response, "__self__", None)
    if (
        response is None
        or not is_possible()
        or type(response) is not _response_class()
        or type(response.sock) is not gevent_socket.socket
    ):
        return None
    return _take(response, status, headers)


@cache
def is_possible() -> bool:
    """Tell whether this process's server lets connections be taken over; log if gunicorn should and does not."""
    if _response_class() is None or not monkey.is_module_patched("socket"):
        return False
    try:
        _self_test()
    except Exception as error:
        log.warning("gunicorn does not hand its connections over; streams go through it, and cost more: %r", error)
        return False
    return True


def _response_class() -> Any:
    """Return gunicorn's response class; None if another server runs this process."""
    module = sys.modules.get("gunicorn.http.wsgi")
    return None if module is None else module.Response


def _take(response: Any, status: str, headers: Headers) -> int:
    response.start_response(status, headers)
    response.chunked = False
    response.force_close()
    response.send_headers()
    _set_options(response.sock)
    fd = os.dup(response.sock.fileno())
    os.set_blocking(fd, False)
    return fd


def _set_options(connection: socket.socket) -> None:
    if connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READ_TIMEOUT_MS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)


def _self_test() -> None:
    """Take a connection over as for a request, and raise if the other side does not receive what it should."""
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(SELF_TEST_TIMEOUT_S)
        request = SimpleNamespace(version=(1, 1), method="GET", should_close=lambda: False)
        response = _response_class()(request, near, SimpleNamespace(is_ssl=False, sendfile=None))
        fd = _take(response, "200 OK", [("Content-Type", "text/event-stream")])
        response.close()
        near.close()
        os.write(fd, b"event")
        unpatched.close(fd)
        head, _, body = _receive_all(far).partition(b"\r\n\r\n")
    if not (head.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\nConnection: close" in head and body == b"event"):
        raise ValueError(f"unexpected answer: {head + body!r}")
    if b"transfer-encoding" in head.lower() or not response.should_close():
        raise ValueError("the connection would not be let go")


def _receive_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(RELAY_CHUNK_BYTES), b""))
