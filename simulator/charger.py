"""A virtual OCPP 1.6 charger: its transactions, its queue of unsent messages, and its responses to commands.

Transaction messages keep their order: while offline they wait, and one that got no answer is sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from simulator.command_responses import RESPONSES_16, STARTS, Configuration, OnCommand, Response
from simulator.connection import CallFailed, ChargerConnection, Disconnected, Payload, log_failure

MAX_QUEUED = 10_000
MAX_COMMANDS_KEPT = 1000
MAX_ATTEMPTS = 3  # TransactionMessageAttempts
ATTEMPT_INTERVAL_S = 0.2


class OnRemoteStop(StrEnum):
    """Responses to a RemoteStopTransaction."""

    ACCEPT = "accept"  # and end the transaction
    ACCEPT_SILENT = "accept_silent"  # and never end it
    REJECT = "reject"
    ERROR = "error"
    SILENT = "silent"
    LATE = "late"  # answer when `answer_late` is called
    DISCONNECT = "disconnect"  # lose the connection instead of answering


@dataclass(eq=False)
class Transaction:
    """A transaction of the charger; `id` is 0 until the central system has assigned one."""

    connector: int
    id_tag: str
    meter_start_wh: int
    register_wh: int
    id: int = 0
    status: str = ""  # of the card, from the central system's answer
    is_ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Queued:
    action: str
    payload: Callable[[], Payload]  # called on sending: the transaction's id may come with the answer before it
    answer: asyncio.Future[Payload]
    attempts: int = 0


class Charger:
    """A charger. `connect` first; `close` at the end, or use it as an async context manager."""

    _responses: dict[str, Response] = RESPONSES_16

    def __init__(self, url: str, identity: str, key: str | bytes | None, **connection: Any) -> None:
        self.identity = identity
        self.connection = ChargerConnection(url, identity, key, self._handle_command, **connection)
        self.on_remote_stop = OnRemoteStop.ACCEPT
        self.on_command: dict[str, OnCommand | Payload] = {}  # by Action; exceptions to the usual response
        self.starts = True  # whether an accepted remote start begins a transaction
        self.configuration = Configuration()
        self.accepts_triggers = True
        self.end_after_s = 0.0  # from accepting a remote stop to the end of the transaction
        self.transactions: dict[int, Transaction] = {}  # by connector
        self.commands: deque[tuple[str, Payload]] = deque(maxlen=MAX_COMMANDS_KEPT)  # Action and payload, oldest first
        self.commanded = asyncio.Event()  # set by each command
        self._late_answers: list[Callable[[], Awaitable[None]]] = []  # held back until `answer_late`
        self._queue: deque[_Queued] = deque(maxlen=MAX_QUEUED)
        self._queued = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Charger:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, *, eventually: bool = False) -> None:
        """Connect, or with `eventually` retry until connected, and start sending the queue."""
        await (self.connection.open_eventually() if eventually else self.connection.open())
        self._spawn(self._deliver())

    async def close(self) -> None:
        await self.connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def call(self, action: str, payload: Payload) -> Payload:
        """Send any CALL and return its result."""
        return await self.connection.call(action, payload)

    async def boot(self, _: str = "") -> Payload:
        """Send a boot notice, in which OCPP 1.6 has no place for its reason."""
        return await self.call("BootNotification", {"chargePointVendor": "Polaris", "chargePointModel": "Virtual"})

    async def heartbeat(self) -> Payload:
        return await self.call("Heartbeat", {})

    async def authorize(self, id_tag: str) -> str:
        """Send an Authorize; return the card's status."""
        answer = await self.call("Authorize", {"idTag": id_tag})
        return str(answer["idTagInfo"]["status"])

    async def status(self, connector: int, status: str, error_code: str = "NoError", info: str = "") -> Payload:
        payload = {"connectorId": connector, "status": status, "errorCode": error_code, "timestamp": now()}
        payload |= {"info": info} if info else {}
        return await self.call("StatusNotification", payload)

    async def start_transaction(self, id_tag: str, *, connector: int = 1, meter_start_wh: int = 0) -> Transaction:
        """Begin a transaction and wait for the central system's answer."""
        transaction = Transaction(connector, id_tag, meter_start_wh, meter_start_wh)
        self.transactions[connector] = transaction
        payload = {"connectorId": connector, "idTag": id_tag, "meterStart": meter_start_wh, "timestamp": now()}
        answer = await self.enqueue("StartTransaction", lambda: payload)
        transaction.id, transaction.status = answer["transactionId"], answer["idTagInfo"]["status"]
        return transaction

    def meter_values(
        self,
        transaction: Transaction,
        register_wh: int,
        *,
        power_w: int | None = None,
        soc_percent: int | None = None,
        context: str = "Sample.Periodic",
    ) -> asyncio.Future[Payload]:
        """Queue a reading; the future gets its answer."""
        transaction.register_wh = register_wh
        value = {"timestamp": now(), "sampledValue": samples(register_wh, power_w, soc_percent, context)}
        return self.enqueue("MeterValues", lambda: _in_transaction(transaction, meterValue=[value]))

    async def stop_transaction(
        self, transaction: Transaction, *, meter_stop_wh: int | None = None, reason: str = "Local"
    ) -> Payload:
        """End a transaction and wait for the central system's answer."""
        self._mark_ended(transaction, meter_stop_wh)
        ended = {"meterStop": transaction.register_wh, "timestamp": now(), "reason": reason}
        return await self.enqueue("StopTransaction", lambda: {"transactionId": transaction.id, **ended})

    def _mark_ended(self, transaction: Transaction, meter_stop_wh: int | None) -> None:
        if meter_stop_wh is not None:
            transaction.register_wh = meter_stop_wh
        if self.transactions.get(transaction.connector) is transaction:
            del self.transactions[transaction.connector]
        transaction.is_ended.set()

    def enqueue(self, action: str, payload: Callable[[], Payload]) -> asyncio.Future[Payload]:
        """Queue a transaction message; the future gets its result."""
        queued = _Queued(action, payload, asyncio.get_running_loop().create_future())
        self._queue.append(queued)
        self._queued.set()
        return queued.answer

    async def flush(self) -> None:
        """Wait until every queued message was answered or given up."""
        await asyncio.gather(*(queued.answer for queued in self._queue), return_exceptions=True)

    async def answer_late(self) -> None:
        """Answer the commands held back by `LATE`; accept the remote stops among them and end their transactions."""
        answers, self._late_answers = self._late_answers, []
        for answer in answers:
            await answer()

    async def _deliver(self) -> None:
        while True:
            await self._queued.wait()
            await self.connection.connected.wait()
            if not self._queue:
                self._queued.clear()
                continue
            await self._deliver_first(self._queue[0])

    async def _deliver_first(self, queued: _Queued) -> None:
        try:
            answer = await self.call(queued.action, queued.payload())
        except (Disconnected, TimeoutError):
            return
        except CallFailed as failure:
            queued.attempts += 1
            if queued.attempts < MAX_ATTEMPTS:
                await asyncio.sleep(ATTEMPT_INTERVAL_S)
                return
            if not queued.answer.done():
                queued.answer.set_exception(failure)
        else:
            if not queued.answer.done():
                queued.answer.set_result(answer)
        if self._queue and self._queue[0] is queued:
            self._queue.popleft()
        await asyncio.sleep(0)  # the awaiting task stores the transaction's id before the next payload is made

    async def _handle_command(self, action: str, payload: Payload, message_id: str) -> None:
        self.commands.append((action, payload))
        self.commanded.set()
        await self._respond(action, payload, message_id)

    async def _respond(self, action: str, payload: Payload, message_id: str) -> None:
        response = self.on_command.get(action)
        if action == "RemoteStopTransaction":
            await self._remote_stop(payload["transactionId"], message_id)
        elif action == "TriggerMessage" and response is None:
            await self._trigger(payload, message_id)
        elif response is OnCommand.ERROR:
            await self.connection.send_error(message_id, "InternalError", "The cable is locked", {"lock": "stuck"})
        elif action not in self._responses:
            await self.connection.send_error(message_id, "InternalError" if response else "NotSupported")
        elif response is OnCommand.DISCONNECT:
            self.connection.drop()
        elif response is not OnCommand.SILENT:
            await self._answer_command(action, payload, message_id, response)

    async def _answer_command(
        self, action: str, payload: Payload, message_id: str, response: OnCommand | Payload | None
    ) -> None:
        answer = response if isinstance(response, dict) else self._responses[action](self.configuration, payload)
        if response is OnCommand.LATE:
            self._late_answers.append(partial(self.connection.send_result, message_id, answer))
            return
        await self.connection.send_result(message_id, answer)
        if action in STARTS and self.starts and answer["status"] == "Accepted":
            self._spawn(self._start(payload))
        elif self.configuration.new_key:
            self.connection.change_key(self.configuration.new_key)
            self.configuration.new_key = ""

    async def _trigger(self, payload: Payload, message_id: str) -> None:
        """Answer a TriggerMessage: only a boot notice and MeterValues of a running transaction are accepted."""
        if self.accepts_triggers and payload["requestedMessage"] == "BootNotification":
            await self.connection.send_result(message_id, {"status": "Accepted"})
            self._spawn(self.boot("Triggered"))
            return
        transaction = self.transactions.get(payload.get("connectorId", 0))
        if not self.accepts_triggers or payload["requestedMessage"] != "MeterValues" or transaction is None:
            await self.connection.send_result(message_id, {"status": "Rejected"})
            return
        await self.connection.send_result(message_id, {"status": "Accepted"})
        self.meter_values(transaction, transaction.register_wh, context="Trigger")

    async def _remote_stop(self, transaction_id: int, message_id: str) -> None:
        transaction = next((t for t in self.transactions.values() if t.id == transaction_id), None)
        if transaction is None or self.on_remote_stop is OnRemoteStop.REJECT:
            await self.connection.send_result(message_id, {"status": "Rejected"})
        elif self.on_remote_stop is OnRemoteStop.ACCEPT:
            await self._accept(message_id, transaction)
        elif self.on_remote_stop is OnRemoteStop.ACCEPT_SILENT:
            await self.connection.send_result(message_id, {"status": "Accepted"})
        elif self.on_remote_stop is OnRemoteStop.ERROR:
            await self.connection.send_error(message_id, "InternalError")
        elif self.on_remote_stop is OnRemoteStop.LATE:
            self._late_answers.append(partial(self._accept, message_id, transaction))
        elif self.on_remote_stop is OnRemoteStop.DISCONNECT:
            self.connection.drop()

    async def _accept(self, message_id: str, transaction: Transaction) -> None:
        await self.connection.send_result(message_id, {"status": "Accepted"})
        self._spawn(self._end(transaction))

    async def _end(self, transaction: Transaction) -> None:
        await asyncio.sleep(self.end_after_s)
        if not transaction.is_ended.is_set():
            await self.stop_transaction(transaction, reason="Remote")

    async def _start(self, command: Payload) -> None:
        await self.start_transaction(command["idTag"], connector=command.get("connectorId", 1))

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(log_failure)


def _in_transaction(transaction: Transaction, **rest: object) -> Payload:
    return {"connectorId": transaction.connector, "transactionId": transaction.id, **rest}


_last_instant = [datetime.min.replace(tzinfo=UTC)]


def now() -> str:
    """Return the time in milliseconds, always later than before: readings of one instant count as duplicates."""
    _last_instant[0] = max(datetime.now(UTC), _last_instant[0] + timedelta(milliseconds=1))
    return _last_instant[0].isoformat(timespec="milliseconds").replace("+00:00", "Z")


def samples(register_wh: int, power_w: int | None, soc_percent: int | None, context: str) -> list[Payload]:
    """Build the sampled values of one instant: the register and, if given, power and state of charge."""
    values = [("Energy.Active.Import.Register", register_wh, "Wh")]
    if power_w is not None:
        values.append(("Power.Active.Import", power_w, "W"))
    if soc_percent is not None:
        values.append(("SoC", soc_percent, "Percent"))
    return [{"value": str(value), "measurand": name, "unit": unit, "context": context} for name, value, unit in values]
