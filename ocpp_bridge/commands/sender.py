"""Sending of a request to its charger: its row is claimed, a CALL is sent, and the outcome is recorded.

The row is claimed before anything is sent, so no two bridges send it and none sends it past its deadline. A late answer
still counts; an answer that can never come is recorded as such.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from ocpp_bridge import ocppj
from ocpp_bridge.clock import now
from ocpp_bridge.connection.connection import Connection, ConnectionLost, MessageTooLong
from ocpp_bridge.outage import retried
from ocpp_bridge.redaction import strike_out
from ocpp_bridge.tasks import in_thread
from ocpp_bridge.versions.commands import CannotEncode
from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import TriggerReadings
from polaris.domain.commands.outcome_text import TOO_LONG
from polaris.domain.enums import RequestEvent
from polaris.ingest import ClaimedCommand, CommandResult, FollowUp, Ingest
from polaris.outage import Outage
from polaris.pubsub import RequestKind

ID_TO_COME = "..."  # in the frame of a dry run

T = TypeVar("T")
log = logging.getLogger(__name__)


class CommandSender:
    """Sender of stop requests and commands. Each send is a task of its own."""

    def __init__(self, ingest: Ingest, database: Outage, answer_timeouts_s: Mapping[RequestKind, float]) -> None:
        self._ingest, self._database = ingest, database
        self._answer_timeouts_s = answer_timeouts_s
        self._waiting_stops: Counter[str] = Counter()  # by connection

    async def send(self, connection: Connection, kind: RequestKind, request_id: int) -> None:
        """Send a request and record its outcome."""
        try:
            result = await self._result(connection, kind, request_id)
            if result is not None:
                await self._retried(self._ingest.record, kind, request_id, result)
        except Exception:
            log.exception("%s: %s %s failed", connection.charger.identity, kind.name.lower(), request_id)

    async def dry_run(self, connection: Connection, command_id: int) -> None:
        """Record what would be sent for a command. Nothing is sent, so it waits for no turn, and nothing for it."""
        kind, charger_id = RequestKind.DRY_RUN, connection.charger.charger_id
        try:
            claimed = await self._retried(self._ingest.claim, kind, command_id, charger_id, connection.id)
            if claimed is not None:
                await self._retried(self._ingest.record, kind, command_id, _preview(connection, claimed))
        except Exception:
            log.exception("%s: dry run %s failed", connection.charger.identity, command_id)

    async def trigger_readings(self, connection: Connection, session: FollowUp) -> None:
        """Ask for the readings of a session. They come as messages of their own, or not at all."""
        command = ClaimedCommand(0, TriggerReadings(session.connector))
        async with connection.calling:
            answer = connection.call(*connection.version.commands.encode(command))
            await asyncio.wait([answer], timeout=self._answer_timeouts_s[RequestKind.STOP])
        if not answer.done():
            log.info("%s: asked for the readings of session %s, no answer", session.identity, session.number)
        elif answer.exception() is None:
            payload = answer.result().payload
            log.info("%s: asked for the readings of session %s: %s", session.identity, session.number, payload)

    async def _result(self, connection: Connection, kind: RequestKind, request_id: int) -> CommandResult | None:
        """Claim and send a request; return its outcome, however late, or None if it was not to be sent.

        A missing answer is recorded here: to a sweep, the bridge of a command that stays open is dead.
        """
        async with self._turn(connection, kind):
            if connection.is_over:
                return None
            charger_id = connection.charger.charger_id
            claimed = await self._retried(self._ingest.claim, kind, request_id, charger_id, connection.id)
            if claimed is None:
                return None
            try:
                action, payload = connection.version.commands.encode(claimed)
            except CannotEncode as reason:
                return CommandResult(RequestEvent.NOT_SENT, str(reason))
            answer = connection.call(action, payload)
            await asyncio.wait([answer], timeout=self._answer_timeouts_s[kind])
        if not answer.done():
            await self._retried(self._ingest.record, kind, request_id, CommandResult(RequestEvent.NO_ANSWER))
        try:
            return connection.version.commands.result(claimed.command, await answer)
        except MessageTooLong:
            return CommandResult(RequestEvent.DISCONNECTED, TOO_LONG)
        except ConnectionLost:
            return CommandResult(RequestEvent.DISCONNECTED)

    @asynccontextmanager
    async def _turn(self, connection: Connection, kind: RequestKind) -> AsyncIterator[None]:
        """Hold the right to send a CALL. Stops come before every command that has not been sent yet."""
        if kind is RequestKind.STOP:
            self._waiting_stops[connection.id] += 1
            try:
                await connection.calling.acquire()
            finally:
                self._waiting_stops -= Counter((connection.id,))
        else:
            await connection.calling.acquire()
            while self._waiting_stops[connection.id]:  # the lock is fair, so a command that yields queues behind them
                connection.calling.release()
                await connection.calling.acquire()
        try:
            yield
        finally:
            connection.calling.release()

    async def _retried(self, function: Callable[..., T], *args: object) -> T:
        """Call a function until the database answers. A call that comes past a deadline changes nothing."""
        return await retried(lambda: in_thread(function, *args, now()), self._database)


def _preview(connection: Connection, claimed: ClaimedCommand) -> CommandResult:
    """Return the frame of a command, without secrets, or why it would be refused. The message's id is made later."""
    encode = connection.version.commands.encode
    try:
        encode(claimed)  # with its secrets, whose length a version may refuse
    except CannotEncode as reason:
        return CommandResult(RequestEvent.NOT_SENT, str(reason))
    shown = replace(claimed, command=catalog.redacted(claimed.command))
    action, payload = encode(shown)
    return CommandResult(RequestEvent.PREVIEWED, frame=strike_out(ocppj.call(ID_TO_COME, action, payload)))
