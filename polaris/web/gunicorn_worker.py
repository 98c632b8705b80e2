"""gunicorn's gevent worker with bounds for slow clients, which a proxy would otherwise have to keep away.

gunicorn bounds the time for a request's head alone. This worker reads the body too before the application is called,
bounds connections, gives an answer a time to be read, and answers one request of a connection in a turn. What it
overrides is no public interface of gunicorn.
"""

from __future__ import annotations

import io
import os
import socket
from contextlib import AbstractContextManager, suppress
from typing import Any

import gevent
from gevent.monkey import get_original
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from polaris.domain.addresses import network
from polaris.web.connections import Connections

BODY_TIMEOUT_S = 15.0  # beside the head's, which is `keepalive` in gunicorn.conf.py: thirty seconds together
SEND_TIMEOUT_S = 30.0  # for one piece of an answer; without it, a client that reads nothing would hold it in memory
READ_TIMEOUT_MS = 30_000  # the kernel cuts off a client that acknowledges nothing, also after the last write
MAX_BODY_BYTES = 64 * 1024  # as polaris.web.security has it; the application refuses what is larger
MAX_DRAINED_BYTES = 1024 * 1024

_plain_socket: Any = get_original("socket", "socket")


class BoundedWorker(GeventWorker):
    """The gevent worker. Under TLS of its own, streams are answered for ever, so only those that wait are bounded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = Connections(self.worker_connections // 2)  # at all of them, none is accepted any more
        self._is_behind_proxy = os.environ.get("PROXY_HOPS", "0").strip() not in ("", "0")
        self._by_socket: dict[Any, Any] = {}

    def notify(self) -> None:
        """Sweep once a second, as gunicorn calls this."""
        super().notify()
        self._connections.sweep()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection within the bounds."""
        is_anonymous = self._is_behind_proxy or not isinstance(addr, tuple)
        _set_read_timeout(client)
        with self._connections.opened(None if is_anonymous else network(addr[0]), lambda: _cut(client)) as connection:
            self._by_socket[client] = connection
            try:
                super().handle(listener, client, addr)
            finally:
                del self._by_socket[client]

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer a request once its body is there."""
        if not _read_body(req, sock):
            util.write_error(sock, 408, "Request Timeout", "")
            raise StopIteration
        if req.unreader.buf.getbuffer().nbytes:  # of a next request, which no browser and no proxy sends by now
            req.force_close()
        gevent.sleep(0)  # else one connection whose requests are there already would hold up all others
        try:
            with self._answering(sock):
                sock.settimeout(SEND_TIMEOUT_S)
                return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            raise StopIteration from None
        finally:
            sock.settimeout(None)

    def _answering(self, sock: Any) -> AbstractContextManager[None]:
        counted = self._connections.uncounted if self.cfg.is_ssl else self._connections.answering
        return counted(self._by_socket[sock])


def _read_body(req: Any, sock: Any) -> bool:
    """Read a request's body into memory, as far as the application would; return whether it came in time."""
    if req._expected_100_continue:
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        req._expected_100_continue = False
    with gevent.Timeout(BODY_TIMEOUT_S, False):
        body = req.body.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES and not _drain(req.body):
            req.force_close()
        if any(name == "TRANSFER-ENCODING" for name, _ in req.headers):
            # The body has a length now. Werkzeug would cut a chunked one off at its limit without a word.
            kept = [(name, value) for name, value in req.headers if name != "TRANSFER-ENCODING"]
            req.headers = [*kept, ("CONTENT-LENGTH", str(len(body)))]
        req.body = io.BytesIO(body)
        return len(body) >= min(_announced_bytes(req), MAX_BODY_BYTES)
    return False


def _drain(body: Any) -> bool:
    """Read the rest of a body that is too large, and return whether that was all: else the answer might be lost."""
    return any(not body.read(MAX_BODY_BYTES) for _ in range(MAX_DRAINED_BYTES // MAX_BODY_BYTES))


def _announced_bytes(req: Any) -> int:
    """Return the length that a request states for its body; gunicorn has checked that it is a number."""
    return next((int(value) for name, value in req.headers if name == "CONTENT-LENGTH"), 0)


def _set_read_timeout(client: Any) -> None:
    if client.family in (socket.AF_INET, socket.AF_INET6):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READ_TIMEOUT_MS)


def _cut(client: Any) -> None:
    """End a connection so that its greenlet reads its end, or fails to write.

    gevent's own shutdown would raise an error in the greenlet, for which gunicorn prints a traceback.
    """
    with suppress(OSError), _plain_socket(fileno=os.dup(client.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)
