"""Subscription to the requests for this bridge's chargers: a Redis channel for each charger, a task for each request.

A message carries only the kind and the id of a request's row; `sender` reads and sends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ocpp_bridge import tasks
from ocpp_bridge.commands.sender import CommandSender
from ocpp_bridge.connection.connection import Connection
from polaris import pubsub
from polaris.bounded_log import bounded
from polaris.ingest import FollowUp
from polaris.ingest.requests import PendingRequest
from polaris.outage import Outage
from polaris.pubsub import RequestKind

MAX_TASKS = 32  # per charger, with those that wait for a late answer; without it a silent charger piles them up
READ_TIMEOUT_S = 5.0  # each read checks the connection's health; without it a dead one is never noticed
HEALTH_CHECK_INTERVAL_S = 15
# Never left. Without any channel redis-py may send a PING with the next SUBSCRIBE and wait for its answer; if `_read`
# waits on the same connection meanwhile, both fail. It is no charger's, since an identity is never empty.
KEPT_CHANNEL = pubsub.commands_channel("")
RECONNECT_INTERVAL_S = 0.5
MAX_CHANNELS = 1000  # in one SUBSCRIBE, so that ten thousand do not make one huge command
CLOSE_TIMEOUT_S = 1.0

log = logging.getLogger(__name__)
refused = bounded(f"{__name__}.refused")  # commands that are not obeyed: anyone who can write to Redis can publish them


class CommandSubscriber:
    """Subscriber to the channels of all chargers connected here. `run` listens; `attach` and `detach` never wait."""

    def __init__(self, redis_url: str, sender: CommandSender, *, on_admission_changed: Callable[[], object]) -> None:
        self._redis = Redis.from_url(
            redis_url,
            # Of no error at all: even with no attempts left redis-py connects again before it raises one, while the
            # other loop of `_listen` uses the connection, and both fail with errors of their own.
            retry=Retry(NoBackoff(), 0, supported_errors=()),
            health_check_interval=HEALTH_CHECK_INTERVAL_S,
        )
        self._sender = sender
        self._on_admission_changed = on_admission_changed
        self._held: dict[str, Connection] = {}  # by channel
        self._changed: set[str] = set()  # channels to subscribe to or to leave
        self._wake = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], str] = {}  # with the id of their connection
        self._outage = Outage(log, "Redis")

    def attach(self, connection: Connection) -> None:
        """Take commands for a connection; they no longer go to the one it replaces."""
        channel = _channel(connection)
        self._held[channel] = connection
        self._change(channel)

    def detach(self, connection: Connection) -> None:
        """Stop taking commands for a connection, unless another has replaced it."""
        channel = _channel(connection)
        if self._held.get(channel) is connection:
            del self._held[channel]
            self._change(channel)

    def trigger_readings(self, session: FollowUp) -> None:
        """Ask the charger of a silent session for its readings, once."""
        connection = self._held.get(pubsub.commands_channel(session.identity))
        if connection is not None:
            self._start(connection, self._sender.trigger_readings(connection, session))

    def send(self, request: PendingRequest) -> None:
        """Send a request that waits for its charger, unless that is under way."""
        connection, name = self._held.get(pubsub.commands_channel(request.identity)), f"{request.kind} {request.id}"
        if connection is not None and all(task.get_name() != name for task in self._tasks):
            self._start(connection, self._sender.send(connection, request.kind, request.id), name)

    async def run(self) -> None:
        """Listen for ever; reconnect after any failure."""
        while True:
            try:
                await self._subscribe_and_listen()
            except (RedisError, OSError, RuntimeError) as error:  # RuntimeError: uvloop's, for a connection just closed
                self._outage.begin(error)
            except Exception:
                log.exception("The subscription to commands failed")
            await asyncio.sleep(RECONNECT_INTERVAL_S)

    async def close(self) -> None:
        """Wait a moment for the tasks under way, then cancel them; a sweep applies the deadlines of their rows."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT_S)
        await tasks.end(self._tasks)
        await self._redis.aclose()

    def _change(self, channel: str) -> None:
        self._changed.add(channel)
        self._wake.set()

    async def _subscribe_and_listen(self) -> None:
        subscription = self._redis.pubsub(ignore_subscribe_messages=True)
        try:
            await self._resubscribe(subscription)
            self._outage.end()
            await self._listen(subscription)
        finally:
            await subscription.aclose()  # type: ignore[no-untyped-call]

    async def _resubscribe(self, subscription: PubSub) -> None:
        await subscription.connect()  # type: ignore[no-untyped-call]
        await subscription.subscribe(KEPT_CHANNEL)
        self._changed = set(self._held)
        await self._follow_changes(subscription)

    async def _listen(self, subscription: PubSub) -> None:
        """Read messages and follow changes, concurrently, until one of them fails."""
        loops = [asyncio.create_task(loop(subscription)) for loop in (self._read, self._keep_following)]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.end(loops)
        errors = [error for loop in loops if not loop.cancelled() and (error := loop.exception()) is not None]
        raise errors[0]

    async def _keep_following(self, subscription: PubSub) -> None:
        while True:
            await self._wake.wait()
            await self._follow_changes(subscription)

    async def _follow_changes(self, subscription: PubSub) -> None:
        """Subscribe to and leave the changed channels, by their latest state: one left and taken again stays."""
        self._wake.clear()
        while self._changed:
            channels = [self._changed.pop() for _ in range(min(MAX_CHANNELS, len(self._changed)))]
            held = [channel for channel in channels if channel in self._held]
            left = [channel for channel in channels if channel not in self._held]
            if held:
                await subscription.subscribe(*held)
            if left:
                await subscription.unsubscribe(*left)

    async def _read(self, subscription: PubSub) -> None:
        while True:
            message = await subscription.get_message(timeout=READ_TIMEOUT_S)
            if message is not None and message["type"] == "message":
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        connection = self._held.get(message["channel"].decode())
        if connection is None:
            return
        try:
            decoded = pubsub.decode(message["data"])
            if decoded.kind == pubsub.ADMISSION_CHANGED:
                self._on_admission_changed()
                return
            kind, request_id = pubsub.request_of(decoded)
        except ValueError as error:
            refused.warning("%s: a command could not be read: %s", connection.charger.identity, error)
            return
        if kind is RequestKind.DRY_RUN:
            self._start(connection, self._sender.dry_run(connection, request_id))
        else:
            self._start(connection, self._sender.send(connection, kind, request_id), f"{kind} {request_id}")

    def _start(self, connection: Connection, work: Coroutine[Any, Any, None], name: str | None = None) -> None:
        if sum(owner == connection.id for owner in self._tasks.values()) >= MAX_TASKS:
            refused.warning("%s: too many commands are waiting", connection.charger.identity)
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._tasks[task] = connection.id
        task.add_done_callback(self._tasks.pop)


def _channel(connection: Connection) -> str:
    return pubsub.commands_channel(connection.charger.identity)
