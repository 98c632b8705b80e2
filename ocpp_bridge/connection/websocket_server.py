"""A WebSocket server: it accepts connections, performs their opening handshakes and runs a handler for each."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp_bridge.connection.websocket import Socket, Timeouts

FAILED = "Failed to open a WebSocket connection.\nSee server log for more information.\n"
STOPPING = "Server is shutting down.\n"

log = logging.getLogger(__name__)

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
    ) -> None:
        self._admit, self._handle = admit, handle
        self._subprotocols, self._timeouts, self._open_timeout_s = subprotocols, timeouts, open_timeout_s
        self._open: set[Socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def listen(self, host: str | None = None, port: int | None = None, **options: Any) -> None:
        """Begin to accept connections; `options` are those of `loop.create_server`. Raise OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._socket, host, port, **options)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that the server listens on."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Accept no more connections, and close those that are open with 1001 (going away)."""
        self._is_closing = True
        self._server.close()
        for socket in self._open:
            socket.start_closing(CloseCode.GOING_AWAY)

    async def wait_closed(self) -> None:
        """Wait until all connections are closed and their handlers have returned."""
        await self._server.wait_closed()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _socket(self) -> Socket:
        return Socket(self._subprotocols, self._timeouts, self._start)

    def _start(self, socket: Socket) -> None:
        task = asyncio.get_running_loop().create_task(self._run(socket))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, socket: Socket) -> None:
        code = CloseCode.NORMAL_CLOSURE
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._open_timeout_s):
                    admitted = await self._open_handshake(socket)
            if socket.is_open:
                self._open.add(socket)
                socket.start_keepalive()
                await self._handle(socket, cast(T, admitted))
        except Exception:
            log.exception("A connection failed")
            code = CloseCode.INTERNAL_ERROR
        finally:
            self._open.discard(socket)
            await socket.close(code)

    async def _open_handshake(self, socket: Socket) -> Response | T | None:
        """Return what the client was answered: a refusal, or what `handle` gets. None if there was no request."""
        request = await socket.request
        if request is None:
            return None
        try:
            admitted = await self._admit(socket, request)
        except Exception:
            log.exception("A handshake failed")
            admitted = socket.respond(http.HTTPStatus.INTERNAL_SERVER_ERROR, FAILED)
        if self._is_closing:
            admitted = socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, STOPPING)
        socket.answer_handshake(request, admitted if isinstance(admitted, Response) else None)
        return admitted
