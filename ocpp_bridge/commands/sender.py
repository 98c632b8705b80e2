"""Owns one command's way to a charger and back: its row claimed, a CALL out, its outcome on the row.

The row is claimed before anything is sent, so that no two bridges send it and none that is past its deadline. An answer
that comes late still counts; one that can never come is recorded as that.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol, TypeVar

from ocpp_bridge.connection.connection import Connection, ConnectionLost
from ocpp_bridge.outage import DATABASE_GONE
from ocpp_bridge.versions.base import NotSaid
from polaris.domain.enums import CommandEvent, StopEvent
from polaris.ingest import ClaimedCommand, ClaimedStop, CommandResult, FollowUp

FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 2.0

T = TypeVar("T")
log = logging.getLogger(__name__)


class Requests(Protocol):
    """The part of `polaris.ingest.Ingest` that commands need; synchronous."""

    def claim_stop(self, request_id: int, charger_id: int, connection_id: str, now: datetime) -> ClaimedStop | None: ...

    def record_stop(self, request_id: int, event: StopEvent, now: datetime) -> None: ...

    def claim_command(
        self, command_id: int, charger_id: int, connection_id: str, now: datetime
    ) -> ClaimedCommand | None: ...

    def record_command(self, command_id: int, result: CommandResult, now: datetime) -> None: ...


class InThread(Protocol):
    """Run a synchronous function in a thread."""

    def __call__(self, function: Callable[..., T], /, *args: object) -> Awaitable[T]: ...


class CommandSender:
    """What is done with a command, of whichever kind. Each is a task of its own, which its connection's end ends."""

    def __init__(
        self,
        requests: Requests,
        in_thread: InThread,
        now: Callable[[], datetime],
        *,
        stop_answer_s: float,
        answer_s: float,
    ) -> None:
        self._requests, self._in_thread, self._now = requests, in_thread, now
        self._stop_answer_s, self._answer_s = stop_answer_s, answer_s
        self._stops: Counter[str] = Counter()  # that wait for their turn, by connection

    async def trigger(self, connection: Connection, silent: FollowUp) -> None:
        """Ask for the readings of a session."""
        async with connection.calling:
            answer = await connection.call(*connection.version.trigger_readings(silent.connector))
            await asyncio.wait([answer], timeout=self._stop_answer_s)
        if not answer.done():
            log.info("%s: asked for the readings of session %s, no answer", silent.identity, silent.number)
        elif answer.exception() is None:
            said = answer.result()
            log.info("%s: asked for the readings of session %s: %s", silent.identity, silent.number, said.payload)

    async def stop(self, connection: Connection, request_id: int) -> None:
        """Send a stop request and record what became of it."""
        try:
            event = await self._stopped(connection, request_id)
            if event is not None:
                await self._insist(self._requests.record_stop, request_id, event)
        except Exception:
            log.exception("%s: stop request %s failed", connection.charge_point.identity, request_id)

    async def command(self, connection: Connection, command_id: int) -> None:
        """Send any other command and record what became of it."""
        try:
            result = await self._commanded(connection, command_id)
            if result is not None:
                await self._insist(self._requests.record_command, command_id, result)
        except Exception:
            log.exception("%s: command %s failed", connection.charge_point.identity, command_id)

    async def _stopped(self, connection: Connection, request_id: int) -> StopEvent | None:
        """Claim and send a stop; return what became of it, however late, or None where it was not to be sent."""
        async with self._first(connection):
            if connection.is_over:
                return None
            charger_id = connection.charge_point.charger_id
            stop = await self._insist(self._requests.claim_stop, request_id, charger_id, connection.id)
            if stop is None:
                return None
            answer = await connection.call(*connection.version.remote_stop(stop))
            await asyncio.wait([answer], timeout=self._stop_answer_s)
        try:
            return connection.version.stop_event(await answer)
        except ConnectionLost:
            return StopEvent.DISCONNECTED

    async def _commanded(self, connection: Connection, command_id: int) -> CommandResult | None:
        """The same of a command, whose deadline is recorded here: nobody else knows that its bridge is alive."""
        async with self._after_stops(connection):
            if connection.is_over:
                return None
            charger_id = connection.charge_point.charger_id
            claimed = await self._insist(self._requests.claim_command, command_id, charger_id, connection.id)
            if claimed is None:
                return None
            try:
                action, payload = connection.version.calls.say(claimed)
            except NotSaid as reason:
                return CommandResult(CommandEvent.NOT_SENT, str(reason))
            answer = await connection.call(action, payload)
            await asyncio.wait([answer], timeout=self._answer_s)
        if not answer.done():
            await self._insist(self._requests.record_command, command_id, CommandResult(CommandEvent.NO_ANSWER))
        try:
            return connection.version.calls.result(claimed.command, await answer)
        except ConnectionLost:
            return CommandResult(CommandEvent.DISCONNECTED)

    @asynccontextmanager
    async def _first(self, connection: Connection) -> AsyncIterator[None]:
        """A stop's turn to send: before everything that has not been sent yet."""
        self._stops[connection.id] += 1
        try:
            await connection.calling.acquire()
        finally:
            self._stops -= Counter((connection.id,))
        try:
            yield
        finally:
            connection.calling.release()

    @asynccontextmanager
    async def _after_stops(self, connection: Connection) -> AsyncIterator[None]:
        """Another command's turn. The lock is given in order, so that one which gives way comes last again."""
        await connection.calling.acquire()
        while self._stops[connection.id]:
            connection.calling.release()
            await connection.calling.acquire()
        try:
            yield
        finally:
            connection.calling.release()

    async def _insist(self, function: Callable[..., T], *args: object) -> T:
        """Call it until the database answers. What comes too late for its deadline changes nothing there."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._in_thread(function, *args, self._now())
            except DATABASE_GONE:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_PAUSE_S)
