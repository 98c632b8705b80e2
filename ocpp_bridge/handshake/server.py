"""Server for chargers: admits handshakes, chooses the OCPP version, and keeps one connection per charger, its newest.

An unknown charger and a wrong key get the same 401, byte for byte. While the database is down the answer is 503, which
chargers do not take for a refusal.
"""

from __future__ import annotations

import asyncio
import http
import logging
import shlex
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from peewee import OperationalError
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp_bridge.clock import now
from ocpp_bridge.commands.subscriber import CommandSubscriber
from ocpp_bridge.connection.connection import AdmittedCharger, Connection
from ocpp_bridge.connection.frame_log import FrameLog
from ocpp_bridge.connection.listener import bind
from ocpp_bridge.connection.places import Places
from ocpp_bridge.connection.volume import Volumes
from ocpp_bridge.connection.websocket import Socket, Timeouts
from ocpp_bridge.connection.websocket_server import WebSocketServer
from ocpp_bridge.handshake import admission, credentials
from ocpp_bridge.handshake.admission import Handshake, Proxies, Verdict
from ocpp_bridge.handshake.rechecks import Rechecks
from ocpp_bridge.handshake.refused_handshakes import RefusedHandshakes
from ocpp_bridge.handshake.throttle import KeyThrottle
from ocpp_bridge.rate_limit import RateLimit
from ocpp_bridge.tasks import in_thread
from ocpp_bridge.versions.base import Version
from polaris import security_log
from polaris.bounded_log import bounded
from polaris.domain.addresses import network
from polaris.domain.enums import Alarm, ChargerStatus
from polaris.domain.facts import ChargerConnected, ChargerDisconnected, ChargerNotified, Fact
from polaris.ingest import ChargerKey, Ingest
from polaris.ocpp_log.files import CLOSE, OPEN
from polaris.outage import DATABASE_GONE, Outage

PONG_TIMEOUT_S = 20.0
MAX_SILENT_HEARTBEATS = 3  # intervals; without it, a charger that is not pinged would stay online after its line broke
CLOSE_TIMEOUT_S = 3.0
OPEN_TIMEOUT_S = 30.0  # for a handshake; shorter, and it runs out when ten thousand chargers come back at once
MAX_BACKLOG = 4096  # connections that wait in the kernel until they are accepted; beyond it clients have to retry
# Replacements of one charger's live connections; more raise an alarm: two devices have its identity, or a stolen key is
# used. A charger on a bad network replaces its connection too, but rarely while the old one is alive.
MAX_REPLACEMENTS, REPLACEMENTS_PERIOD = 3, timedelta(minutes=5)
RETRY_AFTER_S = 5  # for a client that was refused too often: by then it may fail once more

log = logging.getLogger(__name__)
barred = bounded(f"{__name__}.barred")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDependencies:
    """The parts of the bridge that the server uses."""

    bridge_id: str
    key_secrets: Mapping[int, bytes]
    ingest: Ingest
    proxies: Proxies
    refused: RefusedHandshakes
    store: Callable[[Fact], Awaitable[object]]
    commands: CommandSubscriber
    versions: Sequence[Version]  # the newest first
    on_activity: Callable[[int], None]  # takes the id of a charger that sent a message
    ping_s: float
    heartbeat_s: float
    database: Outage
    frame_log: FrameLog
    places: Places


class ChargerServer:
    """The WebSocket server that chargers connect to."""

    def __init__(self, dependencies: ServerDependencies) -> None:
        self._deps = dependencies
        self._versions = {version.subprotocol: version for version in dependencies.versions}
        self._live: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[object]] = set()
        self._throttle = KeyThrottle()
        self._volumes = Volumes()
        self.rechecks = Rechecks(
            partial(dependencies.ingest.admissions, dependencies.bridge_id), lambda: list(self._live.values())
        )
        self._replacements = RateLimit(MAX_REPLACEMENTS, REPLACEMENTS_PERIOD)

    async def listen(
        self, host: str, port: int, tls: Callable[[], ssl.SSLContext | None] = lambda: None
    ) -> WebSocketServer[AdmittedCharger]:
        """Begin to accept chargers. Raise OSError if the port is taken."""
        sockets = await bind(host, port, MAX_BACKLOG)
        server = WebSocketServer(
            self._admit,
            self._handle,
            subprotocols=[Subprotocol(name) for name in self._versions],
            timeouts=Timeouts(
                ping_interval_s=self._deps.ping_s,
                ping_timeout_s=min(PONG_TIMEOUT_S, self._deps.ping_s),
                close_timeout_s=CLOSE_TIMEOUT_S,
            ),
            open_timeout_s=OPEN_TIMEOUT_S,
            places=self._deps.places,
        )
        server.listen(sockets, tls)
        return server

    async def _admit(self, socket: Socket, request: Request) -> Response | AdmittedCharger:
        """Return the charger if it is admitted, else the refusal."""
        names = credentials.names(request.path, request.headers)
        try:
            charger = await in_thread(self._deps.ingest.find_charger, *names)
            identity = charger.identity if charger is not None else names[-1] if names else ""
            handshake = admission.read(socket, request, self._deps.proxies, identity)
            client = identity, network(handshake.address)
            if not self._throttle.is_open(client, handshake.key):
                return _too_many(socket)
            verdict = admission.judge(charger, handshake, self._deps.key_secrets)
            if charger is not None and verdict is not Verdict.REFUSED and charger.status != ChargerStatus.ACTIVE:
                return _barred(socket, charger)
            if charger is not None and verdict is Verdict.ADMITTED_WITH_NEXT_KEY:
                await in_thread(self._deps.ingest.prove_next_key, charger)
                log.info("%s: came with its new key; the old one is refused from now on", charger.identity)
            self._deps.database.end()
            if self._deps.database.is_full:
                raise OperationalError("the disk is full")  # the charger would get no answer to its first message
        except DATABASE_GONE as error:
            self._deps.database.begin(error)
            return socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "Please try again later.\n")
        if charger is None or verdict is Verdict.REFUSED:
            offered = ", ".join(request.headers.get_all("Sec-WebSocket-Protocol"))
            if names or offered:  # anything else is no charger: scanners and health checks ask for every path
                self._deps.refused.note(handshake, offered)
            if self._throttle.failed(client):
                self._alarm_of_wrong_keys(charger, handshake)
            return _unauthorized(socket)
        self._throttle.admitted(client, handshake.key)
        return AdmittedCharger(
            charger.charger_id,
            charger.identity,
            charger.energy_unit,
            charger.clock_offset_s,
            charger.is_pinged,
            charger.unanswered_pings,
            charger.admission,
            charger.max_connectors,
        )

    def _alarm_of_wrong_keys(self, charger: ChargerKey | None, handshake: Handshake) -> None:
        """Tell the operator that a client was refused too often: on the charger's page, if there is one, and logged."""
        security_log.record("charger.wrong_keys", identity=handshake.identity, address=handshake.address)
        if charger is not None:
            self._start(self._notify(charger.charger_id, Alarm.WRONG_KEYS))

    async def _notify(self, charger_id: int, topic: str) -> None:
        await self._deps.store(ChargerNotified(charger_id=charger_id, received_at=now(), topic=topic, raw={}))

    async def _handle(self, socket: Socket, charger: AdmittedCharger) -> None:
        version = self._versions.get(socket.subprotocol or await self._fallback(charger))
        if version is None:
            log.warning("%s: offers no OCPP version that Polaris speaks", charger.identity)
            await socket.close(CloseCode.PROTOCOL_ERROR, "no OCPP version in common")
            return
        if not charger.is_pinged:
            socket.stop_pinging(MAX_SILENT_HEARTBEATS * self._deps.heartbeat_s)
        tap = self._deps.frame_log.tap(charger.identity)
        connection = Connection(
            socket,
            charger,
            version,
            on_activity=self._deps.on_activity,
            tap=tap,
            volume=self._volumes.of(charger.charger_id),
            on_alarm=lambda topic: self._start(self._notify(charger.charger_id, topic)),
        )
        tap.record(OPEN, version.subprotocol)
        try:
            async with connection.calling:  # a command cannot be claimed before this is stored
                self._take_over(connection)
                await self._deps.store(self._connected(connection))
            await connection.run()
        finally:
            connection.end()
            tap.record(CLOSE, socket.failure)
            self._release(connection)
            if socket.is_ping_ignored:
                _tell_of_pings(charger)
            await self._deps.store(self._disconnected(connection, socket))

    async def _fallback(self, charger: AdmittedCharger) -> str:
        """Return the version for a charger that offers none in common."""
        try:
            return await in_thread(self._deps.ingest.fallback_protocol, charger.charger_id)
        except DATABASE_GONE as error:
            self._deps.database.begin(error)
            return ""

    def _take_over(self, connection: Connection) -> None:
        """Make this the charger's connection, and close its old one."""
        identity = connection.charger.identity
        old, self._live[identity] = self._live.get(identity), connection
        self._deps.commands.attach(connection)
        if old is not None:
            log.info("%s: a newer connection replaces the old one", identity)
            if not self._replacements.is_within(connection.charger.charger_id, now()):
                self._replacements.reset(connection.charger.charger_id)  # the next alarm needs as many again
                self._start(self._alarm(connection.charger))
            self._start(old.replace())

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        """Run a task; asyncio itself holds only a weak reference to it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _alarm(self, charger: AdmittedCharger) -> None:
        log.error("%s: two connections take turns as this charger; one of them may not be it", charger.identity)
        await self._notify(charger.charger_id, Alarm.TWO_CONNECTIONS)

    def _release(self, connection: Connection) -> None:
        """Release the charger, unless a newer connection has taken it over."""
        self._deps.commands.detach(connection)
        if self._live.get(connection.charger.identity) is connection:
            del self._live[connection.charger.identity]

    def _connected(self, connection: Connection) -> ChargerConnected:
        return ChargerConnected(
            charger_id=connection.charger.charger_id,
            received_at=now(),
            bridge_id=self._deps.bridge_id,
            connection_id=connection.id,
            protocol=connection.version.subprotocol,
        )

    def _disconnected(self, connection: Connection, socket: Socket) -> ChargerDisconnected:
        return ChargerDisconnected(
            charger_id=connection.charger.charger_id,
            received_at=now(),
            connection_id=connection.id,
            answers_pings=True if socket.has_ponged else False if socket.is_ping_ignored else None,
        )


def _tell_of_pings(charger: AdmittedCharger) -> None:
    """Log that a charger was disconnected because it answers no pings, and how to leave it connected."""
    log.warning(
        "%s: it does not answer pings (RFC 6455 obliges it) and was disconnected %d times."
        " To ping it no more: flask --app app charger pings %s off",
        charger.identity,
        charger.unanswered_pings + 1,
        shlex.quote(charger.identity),
    )


def _unauthorized(socket: Socket) -> Response:
    response = socket.respond(http.HTTPStatus.UNAUTHORIZED, "Identity or key is not right.\n")
    response.headers["WWW-Authenticate"] = 'Basic realm="OCPP"'
    return response


def _barred(socket: Socket, charger: ChargerKey) -> Response:
    """Refuse a charger that has shown who it is."""
    barred.info("%s: refused, it is %s", charger.identity, charger.status)
    return socket.respond(http.HTTPStatus.FORBIDDEN, f"This charger is {charger.status}. Its operator knows why.\n")


def _too_many(socket: Socket) -> Response:
    response = socket.respond(http.HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong keys. Please try again later.\n")
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
