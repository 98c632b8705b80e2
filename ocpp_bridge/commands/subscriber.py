"""Owns the way from Redis to the chargers held: their channels, which are exactly those subscribed to, and a task each.

A command carries a row's id and nothing else; what is done with it is in `errands`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from ocpp_bridge import tasks
from ocpp_bridge.commands.sender import CommandSender
from ocpp_bridge.connection.connection import Connection
from ocpp_bridge.outage import Outage
from polaris import pubsub
from polaris.ingest import FollowUp

MAX_WAITING = 32  # commands of one charger, those that wait for a late answer among them
LISTEN_S = 5.0  # how long to listen before the connection's health is looked at
FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 2.0
CHANNELS_AT_ONCE = 1000
CLOSE_GRACE_S = 1.0

_ROWS = {pubsub.STOP_COMMAND: "stop_request", pubsub.COMMAND: "command"}

log = logging.getLogger(__name__)


class CommandSubscriber:
    """The commands of all chargers that this process holds. `run` listens; `attach` and `detach` never wait."""

    def __init__(self, redis_url: str, errands: CommandSender) -> None:
        self._redis = Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0), health_check_interval=15)
        self._errands = errands
        self._held: dict[str, Connection] = {}  # by channel
        self._changed: set[str] = set()  # channels that may have to be subscribed to or left
        self._wake = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], str] = {}  # and the connection each belongs to
        self._outage = Outage(log, "Redis")

    def attach(self, connection: Connection) -> None:
        """Take commands for a connection; they no longer go to the one it replaces."""
        self._change(connection, is_held=True)

    def detach(self, connection: Connection) -> None:
        """Stop taking commands for a connection, unless another has replaced it."""
        if self._held.get(_channel(connection)) is connection:
            self._change(connection, is_held=False)

    def ask(self, silent: FollowUp) -> None:
        """Ask the charger of a silent session for its readings, once. What it answers comes as readings, or not."""
        connection = self._held.get(pubsub.commands_channel(silent.identity))
        if connection is not None:
            self._begin(connection, self._errands.trigger(connection, silent))

    async def run(self) -> None:
        """Listen for ever; where Redis is gone, come back to it."""
        pause_s = FIRST_PAUSE_S
        while True:
            subscription = self._redis.pubsub(ignore_subscribe_messages=True)
            try:
                await self._resubscribe(subscription)
                self._outage.end()
                pause_s = FIRST_PAUSE_S
                await self._listen(subscription)
            except (RedisError, OSError) as error:
                self._outage.begin(error)
            finally:
                await subscription.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)

    async def close(self) -> None:
        """Give what is under way a moment, then give it up; the deadlines of its rows speak for it."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_GRACE_S)
        await tasks.end(self._tasks)
        await self._redis.aclose()

    def _change(self, connection: Connection, *, is_held: bool) -> None:
        channel = _channel(connection)
        if is_held:
            self._held[channel] = connection
        else:
            del self._held[channel]
        self._changed.add(channel)
        self._wake.set()

    async def _resubscribe(self, subscription: PubSub) -> None:
        await subscription.connect()  # type: ignore[no-untyped-call]
        self._changed = set(self._held)
        await self._follow_changes(subscription)

    async def _listen(self, subscription: PubSub) -> None:
        """Read messages and follow changes, side by side, until one of them fails."""
        sides = [asyncio.create_task(side(subscription)) for side in (self._read, self._keep_following)]
        try:
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for side in done:
                side.result()
        finally:
            await tasks.end(sides)

    async def _keep_following(self, subscription: PubSub) -> None:
        while True:
            await self._wake.wait()
            await self._follow_changes(subscription)

    async def _follow_changes(self, subscription: PubSub) -> None:
        """Subscribe to and leave what changed. The latest state counts, so a channel left and taken again is kept."""
        self._wake.clear()
        while self._changed:
            channels = [self._changed.pop() for _ in range(min(CHANNELS_AT_ONCE, len(self._changed)))]
            held = [channel for channel in channels if channel in self._held]
            left = [channel for channel in channels if channel not in self._held]
            if held:
                await subscription.subscribe(*held)
            if left:
                await subscription.unsubscribe(*left)

    async def _read(self, subscription: PubSub) -> None:
        while True:
            message = await subscription.get_message(timeout=LISTEN_S)
            if message is not None and message["type"] == "message":
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        connection = self._held.get(message["channel"].decode())
        found = _read(message["data"])
        if connection is None or found is None:
            return
        kind, row_id = found
        errand = self._errands.stop if kind == pubsub.STOP_COMMAND else self._errands.command
        self._begin(connection, errand(connection, row_id))

    def _begin(self, connection: Connection, command: Coroutine[Any, Any, None]) -> None:
        if sum(owner == connection.id for owner in self._tasks.values()) >= MAX_WAITING:
            log.warning("%s: too many commands are waiting", connection.charge_point.identity)
            command.close()
            return
        task = asyncio.create_task(command)
        self._tasks[task] = connection.id
        task.add_done_callback(self._tasks.pop)


def _channel(connection: Connection) -> str:
    return pubsub.commands_channel(connection.charge_point.identity)


def _read(payload: bytes) -> tuple[str, int] | None:
    """Which kind of row a message names, and its id."""
    try:
        command = pubsub.decode(payload)
    except ValueError:
        log.warning("A command could not be read")
        return None
    row_id = command.data.get(_ROWS.get(command.kind, ""))
    return (command.kind, row_id) if isinstance(row_id, int) else None
