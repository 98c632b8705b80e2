"""A WebSocket server of the bridge that admits everybody, for tests of a connection alone."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from ocpp_bridge.connection.places import Places
from ocpp_bridge.connection.websocket import Socket, Timeouts
from ocpp_bridge.connection.websocket_server import WebSocketServer
from tests.support.wait import WITHIN_S

NEVER_S = 1000.0
MAX_CONNECTIONS = 1000


@asynccontextmanager
async def serving(
    handle: Callable[[Socket], Awaitable[None]],
    *,
    ping_s: float = NEVER_S,
    close_s: float = 0.2,
    listening: socket.socket | None = None,
    places: Places | None = None,
) -> AsyncIterator[WebSocketServer[None]]:
    """Run `handle` for every connection to a listening socket, a new one where none is given."""

    async def admit(*_: object) -> None:
        return None

    async def handle_any(socket: Socket, _: None) -> None:
        await handle(socket)

    timeouts = Timeouts(ping_interval_s=ping_s, ping_timeout_s=ping_s, close_timeout_s=close_s)
    places = places or Places(MAX_CONNECTIONS)
    server = WebSocketServer(admit, handle_any, timeouts=timeouts, open_timeout_s=WITHIN_S, places=places)
    server.listen([listening or socket.create_server(("127.0.0.1", 0))])
    try:
        yield server
    finally:
        server.close()
        await server.wait_closed()
