"""A WebSocket server: it accepts connections, performs their opening handshakes and runs a handler for each."""

from __future__ import annotations

import asyncio
import http
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar, cast

from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp_bridge.connection.listener import Listener
from ocpp_bridge.connection.places import Place, Places
from ocpp_bridge.connection.websocket import Socket, Timeouts
from polaris.bounded_log import bounded

FAILED = "Failed to open a WebSocket connection.\nSee server log for more information.\n"
STOPPING = "Server is shutting down.\n"

log = logging.getLogger(__name__)
unsecured = bounded(f"{__name__}.tls")  # strangers can cause them

T = TypeVar("T")


class WebSocketServer(Generic[T]):
    """A listening socket and its connections, from `listen` to `close`.

    `admit` gets each request and returns a response that refuses it, or else a value that `handle` gets with the open
    connection. The connection is closed when `handle` returns.
    """

    def __init__(
        self,
        admit: Callable[[Socket, Request], Awaitable[Response | T]],
        handle: Callable[[Socket, T], Awaitable[None]],
        *,
        subprotocols: Sequence[Subprotocol] = (),
        timeouts: Timeouts,
        open_timeout_s: float,
        places: Places,
    ) -> None:
        self._admit, self._handle = admit, handle
        self._subprotocols, self._timeouts, self._open_timeout_s = subprotocols, timeouts, open_timeout_s
        self._places = places
        self._open: set[Socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def listen(self, sockets: Sequence[socket.socket], tls: Callable[[], ssl.SSLContext | None] = lambda: None) -> None:
        """Begin to accept connections on listening sockets, each with the context that `tls` returns then."""
        self._tls = tls
        self._listener = Listener(sockets, self._places, self._start)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that the server listens on."""
        host, port = self._listener.sockets[0].getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Accept no more connections, and close those that are open with 1001 (going away)."""
        self._is_closing = True
        self._listener.close()
        self._places.close_waiting()
        for connected in self._open:
            connected.start_closing(CloseCode.GOING_AWAY)

    async def wait_closed(self) -> None:
        """Wait until all connections are closed and their handlers have returned."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, connection: socket.socket, place: Place) -> None:
        task = asyncio.get_running_loop().create_task(self._run(connection, place))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, connection: socket.socket, place: Place) -> None:
        try:
            connected = await self._connect(connection)
            if connected is not None:
                await self._serve(connected, place)
        finally:
            place.free()

    async def _connect(self, connection: socket.socket) -> Socket | None:
        """Return the connection's WebSocket, once TLS is established if there is any; None if it is not."""
        connected = Socket(self._subprotocols, self._timeouts)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._open_timeout_s):
                await loop.connect_accepted_socket(lambda: connected, connection, ssl=self._tls())
        except ssl.SSLError as error:  # often a certificate that the operator or the charger has to renew
            unsecured.warning("TLS was not established: %s", getattr(error, "verify_message", "") or error.reason)
            return None
        except OSError:  # the client is gone or silent
            return None
        return connected

    async def _serve(self, connected: Socket, place: Place) -> None:
        code = CloseCode.NORMAL_CLOSURE
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._open_timeout_s):
                    admitted = await self._open_handshake(connected, place)
            if connected.is_open:
                self._open.add(connected)
                connected.start_keepalive()
                await self._handle(connected, cast(T, admitted))
        except Exception:
            log.exception("A connection failed")
            code = CloseCode.INTERNAL_ERROR
        finally:
            self._open.discard(connected)
            await connected.close(code)

    async def _open_handshake(self, connected: Socket, place: Place) -> Response | T | None:
        """Return what the client was answered: a refusal, or what `handle` gets. None if there was no request."""
        request = await connected.request
        if request is None:
            return None
        place.keep()
        try:
            admitted = await self._admit(connected, request)
        except Exception:
            log.exception("A handshake failed")
            admitted = connected.respond(http.HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)
        if self._is_closing:
            admitted = connected.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, STOPPING)
        connected.answer_handshake(request, admitted if isinstance(admitted, Response) else None)
        if isinstance(admitted, Response):
            place.wait()
        return admitted
