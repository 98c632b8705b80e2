"""Owns the handshake: path to identity, subprotocol; and that a charger has one live connection, its newest.

Who may connect is judged by `admission`. A charger that is not known and a key that is wrong get the same 401, byte for
byte; a database that is gone gets 503, so that a charger does not take it for a refusal.
"""

from __future__ import annotations

import asyncio
import http
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp_bridge.commands.subscriber import CommandSubscriber
from ocpp_bridge.connection.connection import ChargePoint, Connection
from ocpp_bridge.connection.frame_log import FrameLog
from ocpp_bridge.connection.websocket import Socket, Timeouts
from ocpp_bridge.connection.websocket_server import WebSocketServer
from ocpp_bridge.handshake import admission, duplicate_connections
from ocpp_bridge.handshake.admission import Proxies, Verdict
from ocpp_bridge.handshake.duplicate_connections import DuplicateConnections
from ocpp_bridge.handshake.refused_handshakes import RefusedHandshakes
from ocpp_bridge.outage import DATABASE_GONE, Outage
from ocpp_bridge.versions.base import Version
from polaris.domain.facts import ChargerConnected, ChargerDisconnected, ChargerNotified, Fact
from polaris.ingest import ChargerKey

PONG_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 3.0
OPEN_TIMEOUT_S = 30.0  # for a handshake; ten thousand may come at once,
MAX_BACKLOG = 4096  # of which so many wait in the kernel until they are accepted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDependencies:
    """What the server needs of the others."""

    bridge_id: str
    key_secrets: Mapping[int, bytes]
    find_charger: Callable[[str], Awaitable[ChargerKey | None]]
    prove_next_key: Callable[[ChargerKey], Awaitable[None]]
    proxies: Proxies
    unrecognised: RefusedHandshakes
    store: Callable[[Fact], Awaitable[object]]
    commands: CommandSubscriber
    versions: Sequence[Version]  # the newest first
    fallback: Callable[[int], Awaitable[str]]  # the version to speak with a charger that offers none in common
    now: Callable[[], datetime]
    heard: Callable[[int], None]
    ping_s: float
    database: Outage
    frame_log: FrameLog


class ChargerServer:
    """The door that chargers come through."""

    def __init__(self, doorway: ServerDependencies) -> None:
        self._door = doorway
        self._versions = {version.subprotocol: version for version in doorway.versions}
        self._live: dict[str, Connection] = {}
        self._closing: set[asyncio.Task[object]] = set()
        self._alternation = DuplicateConnections()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> WebSocketServer[ChargePoint]:
        """Begin to accept chargers. Raise OSError where the port is taken."""
        server = WebSocketServer(
            self._admit,
            self._handle,
            subprotocols=[Subprotocol(name) for name in self._versions],
            timeouts=Timeouts(
                ping_interval_s=self._door.ping_s,
                ping_timeout_s=min(PONG_TIMEOUT_S, self._door.ping_s),
                close_timeout_s=CLOSE_TIMEOUT_S,
            ),
            open_timeout_s=OPEN_TIMEOUT_S,
        )
        await server.listen(host, port, ssl=tls, backlog=MAX_BACKLOG)
        return server

    async def _admit(self, socket: Socket, request: Request) -> Response | ChargePoint:
        """Let a charger in, or answer why not."""
        visitor = admission.visitor(socket, request, self._door.proxies)
        if visitor is None:
            return _unauthorized(socket)
        try:
            charger = await self._door.find_charger(visitor.identity)
            verdict = admission.judge(charger, visitor, self._door.key_secrets)
            if charger is not None and verdict is Verdict.ADMITTED_WITH_NEXT_KEY:
                await self._door.prove_next_key(charger)
                log.info("%s: came with its new key; the old one is refused from now on", charger.identity)
            self._door.database.end()
        except DATABASE_GONE as error:
            self._door.database.begin(error)
            return socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Please try again later.\n")
        if charger is None or verdict is Verdict.REFUSED:
            self._door.unrecognised.refused(visitor, ", ".join(request.headers.get_all("Sec-WebSocket-Protocol")))
            return _unauthorized(socket)
        return ChargePoint(charger.charger_id, charger.identity, charger.energy_unit)

    async def _handle(self, socket: Socket, charge_point: ChargePoint) -> None:
        version = self._versions.get(socket.subprotocol or await self._fallback(charge_point))
        if version is None:
            log.warning("%s: offers no OCPP version that Polaris speaks", charge_point.identity)
            await socket.close(CloseCode.PROTOCOL_ERROR, "no OCPP version in common")
            return
        tap = self._door.frame_log.tap(charge_point.identity)
        connection = Connection(socket, charge_point, version, now=self._door.now, heard=self._door.heard, tap=tap)
        tap.opened(version.subprotocol)
        try:
            async with connection.calling:  # no command is sent before the database says whose the charger is
                self._take_over(connection)
                await self._door.store(self._connected(connection))
            await connection.run()
        finally:
            connection.end()
            tap.closed()
            self._let_go(connection)
            await self._door.store(self._disconnected(connection))

    async def _fallback(self, charge_point: ChargePoint) -> str:
        try:
            return await self._door.fallback(charge_point.charger_id)
        except DATABASE_GONE as error:
            self._door.database.begin(error)
            return ""

    def _take_over(self, connection: Connection) -> None:
        """Make this the charger's connection, and close the one it had."""
        identity = connection.charge_point.identity
        old, self._live[identity] = self._live.get(identity), connection
        self._door.commands.attach(connection)
        if old is not None:
            log.info("%s: a newer connection replaces the old one", identity)
            if self._alternation.is_alarm(identity, self._door.now()):
                self._closing_task(self._alarm(connection))
            self._closing_task(old.replace())

    def _closing_task(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _alarm(self, connection: Connection) -> None:
        whose = connection.charge_point
        log.error("%s: two connections take turns as this charger; one of them may not be it", whose.identity)
        await self._door.store(
            ChargerNotified(
                charger_id=whose.charger_id, received_at=self._door.now(), topic=duplicate_connections.TOPIC, raw={}
            )
        )

    def _let_go(self, connection: Connection) -> None:
        """Give up only what is still this connection's own."""
        self._door.commands.detach(connection)
        if self._live.get(connection.charge_point.identity) is connection:
            del self._live[connection.charge_point.identity]

    def _connected(self, connection: Connection) -> ChargerConnected:
        return ChargerConnected(
            charger_id=connection.charge_point.charger_id,
            received_at=self._door.now(),
            bridge_id=self._door.bridge_id,
            connection_id=connection.id,
            protocol=connection.version.subprotocol,
        )

    def _disconnected(self, connection: Connection) -> ChargerDisconnected:
        return ChargerDisconnected(
            charger_id=connection.charge_point.charger_id, received_at=self._door.now(), connection_id=connection.id
        )


def _unauthorized(socket: Socket) -> Response:
    response = socket.respond(http.HTTPStatus.UNAUTHORIZED, "Identity or key is not right.\n")
    response.headers["WWW-Authenticate"] = 'Basic realm="OCPP"'
    return response
