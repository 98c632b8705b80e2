"""`python -m ocpp_bridge`: wires the bridge together, runs it until a signal, and shuts it down in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import uuid
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import uvloop
from peewee import OperationalError

from ocpp_bridge import open_files, tasks
from ocpp_bridge.clock import now
from ocpp_bridge.commands.sender import CommandSender
from ocpp_bridge.commands.subscriber import CommandSubscriber
from ocpp_bridge.connection.connection import AdmittedCharger
from ocpp_bridge.connection.frame_log import FrameLog
from ocpp_bridge.connection.places import Places
from ocpp_bridge.connection.websocket_server import WebSocketServer
from ocpp_bridge.handshake.admission import Proxies
from ocpp_bridge.handshake.refused_handshakes import RefusedHandshakes
from ocpp_bridge.handshake.server import ChargerServer, ServerDependencies
from ocpp_bridge.handshake.tls import Certificates
from ocpp_bridge.health import Health
from ocpp_bridge.periodic import PeriodicTasks
from ocpp_bridge.single_instance import AlreadyRunning, only_bridge
from ocpp_bridge.versions.base import CentralSystem
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v2.handlers_v21 import V21
from ocpp_bridge.versions.v16.handlers import V16
from ocpp_bridge.writer import Writer
from polaris import models, retention, security_log
from polaris.config import Config, ConfigError
from polaris.ingest import Ingest
from polaris.ingest.bulk_commands import BulkCommands
from polaris.ingest.session_limits import SessionLimits
from polaris.mail import Sender
from polaris.ocpp_log.files import LogFiles
from polaris.outage import DATABASE_GONE, Outage
from polaris.pubsub import Publisher, RequestKind
from polaris.web_push import PushSender

# Objects of each generation before a collection. Handling a message leaves no cycles: with Python's own thresholds the
# collector would often pause the event loop and find none. The second bounds a pause after thousands of connections.
GC_THRESHOLDS = (20_000, 5, 200)
CLOSE_TIMEOUT_S = 5.0  # for the closing handshakes, and for the last facts to be stored

log = logging.getLogger("ocpp_bridge")


class BridgeProcess:
    """The parts of a bridge process, from `start` to `stop`."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.certificates = Certificates(config)
        bridge_id = uuid.uuid4().hex
        database = self._database = Outage(log, "The database")
        self._publisher = Publisher(config.redis_url)
        ingest = Ingest(config, self._publisher)
        self._writer = Writer(ingest.store, database)
        timeouts_s = {RequestKind.STOP: config.stop_answer_s, RequestKind.COMMAND: config.command_answer_s}
        sender = CommandSender(ingest, database, timeouts_s)
        self._commands = CommandSubscriber(config.redis_url, sender, on_admission_changed=self._recheck_soon)
        refused_handshakes = RefusedHandshakes(ingest.note_refused_handshakes, config.charger_key_secrets)
        self._periodic = PeriodicTasks(
            ingest,
            database,
            trigger_readings=self._commands.trigger_readings,
            store_refused_handshakes=refused_handshakes.store_pending,
            send_bulk_turn=BulkCommands(ingest, self._publisher).send_turn,
            limits=SessionLimits(self._publisher),
            send=self._commands.send,
            bridge_id=bridge_id,
            lease_s=config.lease_s,
            sweep_old=lambda wait: retention.sweep(config, now(), wait),
        )
        self._senders = (Sender(config, self._publisher), PushSender(config, self._publisher))
        self._frame_log = FrameLog(_log_files(config, bridge_id))
        central_system = CentralSystem(
            self._writer.store, partial(tasks.in_thread, ingest.authorize), now, config.ocpp_heartbeat_s
        )
        self._chargers = ChargerServer(
            ServerDependencies(
                bridge_id=bridge_id,
                key_secrets=config.charger_key_secrets,
                ingest=ingest,
                proxies=Proxies(config.ocpp_proxy_hops, config.ocpp_client_cn_header),
                refused=refused_handshakes,
                store=self._writer.store,
                commands=self._commands,
                versions=[V21(central_system), V201(central_system), V16(central_system)],
                on_activity=self._periodic.on_activity,
                ping_s=config.ocpp_ping_s,
                heartbeat_s=config.ocpp_heartbeat_s,
                database=database,
                frame_log=self._frame_log,
                places=Places(open_files.raise_limit(), has_addresses=not config.ocpp_proxy_hops),
            )
        )
        self._health = Health(self._check_storage, self._publisher.ping)
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[WebSocketServer[AdmittedCharger] | asyncio.Server] = []

    async def start(self) -> None:
        """Begin to serve. Raise if a port is taken or the database does not answer."""
        config = self._config
        await self._periodic.renew_lease()
        parts = (
            self._writer,
            self._commands,
            self._periodic,
            self._frame_log,
            self._chargers.rechecks,
            self.certificates,
        )
        self._tasks = [asyncio.create_task(part.run(), name=type(part).__name__) for part in parts]
        self._servers.append(await self._chargers.listen(config.host, config.ocpp_port))
        if self.certificates.context is not None:
            server = await self._chargers.listen(config.host, config.ocpp_tls_port, lambda: self.certificates.context)
            self._servers.append(server)
        self._servers.append(await self._health.listen(config.host, config.ocpp_health_port))
        for sender in self._senders:
            sender.start()
        log.info("Chargers connect to ws://%s:%s/ocpp/<identity>", config.host, config.ocpp_port)

    async def failed(self) -> None:
        """Return when a part has ended, which none does unless it fails."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Stop accepting, close the connections, store the last facts, and end the lease."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CLOSE_TIMEOUT_S
        for server in self._servers:
            server.close()
        waits = [asyncio.create_task(server.wait_closed()) for server in self._servers]
        if waits:
            await asyncio.wait(waits, timeout=CLOSE_TIMEOUT_S)
        if not await self._writer.drain(max(0.1, deadline - loop.time())):
            log.warning("The database does not answer: what was not stored was not acknowledged either")
        await tasks.end([*self._tasks, *waits])
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("A part of the bridge failed", exc_info=error)
        await asyncio.gather(*(asyncio.to_thread(sender.stop) for sender in self._senders))
        await self._commands.close()
        await self._frame_log.close()
        if self._tasks:
            await self._end_lease()
        tasks.THREADS.shutdown(wait=False, cancel_futures=True)
        self._publisher.close()

    def _check_storage(self) -> None:
        if self._database.is_full:  # a probe may still find room for itself
            raise OperationalError("the disk is full")
        models.check_storage()

    def _recheck_soon(self) -> None:
        self._chargers.rechecks.soon()

    async def _end_lease(self) -> None:
        try:
            await self._periodic.end()
        except DATABASE_GONE as error:
            log.warning("The lease was left to run out: %s", error)


async def serve(config: Config) -> int:
    """Run a bridge until SIGTERM or SIGINT; return the exit status."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    bridge = BridgeProcess(config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, bridge.certificates.reload)
    try:
        await bridge.start()
        gc.freeze()  # objects loaded at start-up never become garbage: do not scan them again
        gc.set_threshold(*GC_THRESHOLDS)
        waits = [asyncio.create_task(wait) for wait in (stopped.wait(), bridge.failed())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    except OSError as error:
        return _fail(f"The bridge cannot listen on {config.host}: {error.strerror or error}")
    except DATABASE_GONE as error:
        return _fail(f"The database does not answer: {' '.join(str(error).split())}")
    finally:
        await bridge.stop()
    return 0 if stopped.is_set() else 1


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("websockets").setLevel(logging.ERROR)
    security_log.log.propagate = False  # its lines are JSON, without a prefix
    try:
        config = Config.from_env()
        models.connect(config.database_url)
        file = Path(config.database_url.removeprefix("sqlite:///"))
        with only_bridge(file) if config.is_sqlite else nullcontext():
            return uvloop.run(serve(config))
    except ConfigError as error:
        return _fail(str(error), status=2)
    except AlreadyRunning as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"The bridge cannot use its database: {error}")


def _log_files(config: Config, bridge_id: str) -> LogFiles | None:
    max_bytes, max_age_s = config.frames_mb * 1_000_000, config.frames_days * 86_400.0
    if not max_bytes:
        return None
    return LogFiles(Path(config.frames_dir), bridge_id[:8], max_bytes=max_bytes, max_age_s=max_age_s)


def _fail(message: str, status: int = 1) -> int:
    print(message, file=sys.stderr)  # noqa: T201 - for the operator who started it
    return status


if __name__ == "__main__":
    sys.exit(main())
