"""A virtual OCPP 1.6 charger: its transactions, its queue of what could not be sent, and how it obeys remote commands.

Transaction messages keep their order: while offline they wait, and one that got no answer is sent again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from simulator.command_responses import OF_16, STARTS, Answer, Memory, OnCommand
from simulator.wire import CallFailed, Disconnected, Payload, Wire, log_failure

MAX_QUEUED = 10_000
MAX_COMMANDS_KEPT = 1000
MAX_ATTEMPTS = 3  # TransactionMessageAttempts
ATTEMPT_INTERVAL_S = 0.2


class OnRemoteStop(StrEnum):
    """What the charger does with a RemoteStopTransaction."""

    ACCEPT = "accept"  # and end the transaction
    ACCEPT_SILENT = "accept_silent"  # and never end it
    REJECT = "reject"
    ERROR = "error"
    SILENT = "silent"
    LATE = "late"  # answer when `answer_late` is called
    DISCONNECT = "disconnect"  # lose the connection instead of answering


@dataclass(eq=False)
class Transaction:
    """A transaction as the charger knows it; `id` is 0 until the central system has given one."""

    connector: int
    id_tag: str
    meter_start_wh: int
    register_wh: int
    id: int = 0
    status: str = ""  # what the central system said of the card
    is_ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Queued:
    action: str
    payload: Callable[[], Payload]  # made when it is sent: the transaction's id may come from the message before
    answer: asyncio.Future[Payload]
    attempts: int = 0


class Charger:
    """A charger. `connect` first; `close` at the end, or use it as an async context manager."""

    _answers: dict[str, Answer] = OF_16

    def __init__(self, url: str, identity: str, key: str | bytes | None, **wire: Any) -> None:
        self.identity = identity
        self.wire = Wire(url, identity, key, self._obey, **wire)
        self.on_remote_stop = OnRemoteStop.ACCEPT
        self.on_command: dict[str, OnCommand | Payload] = {}  # by Action, where it is to go in another way
        self.starts = True  # when it has accepted to
        self.memory = Memory()
        self.obeys_triggers = True
        self.end_after_s = 0.0  # from accepting a remote stop to the end of the transaction
        self.transactions: dict[int, Transaction] = {}  # by connector
        self.commands: deque[tuple[str, Payload]] = deque(
            maxlen=MAX_COMMANDS_KEPT
        )  # what the central system asked for, in order
        self.commanded = asyncio.Event()  # set with each
        self._late: list[tuple[str, Transaction]] = []
        self._late_answers: list[tuple[str, Payload]] = []
        self._queue: deque[_Queued] = deque(maxlen=MAX_QUEUED)
        self._queued = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Charger:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, *, eventually: bool = False) -> None:
        """Connect, once or until it works, and begin to send what is queued."""
        await (self.wire.open_eventually() if eventually else self.wire.open())
        self._spawn(self._deliver())

    async def close(self) -> None:
        await self.wire.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def call(self, action: str, payload: Payload) -> Payload:
        """Send any CALL and return its result."""
        return await self.wire.call(action, payload)

    async def boot(self) -> Payload:
        return await self.call("BootNotification", {"chargePointVendor": "Polaris", "chargePointModel": "Virtual"})

    async def heartbeat(self) -> Payload:
        return await self.call("Heartbeat", {})

    async def authorize(self, id_tag: str) -> str:
        """Ask about a card; return what was said of it."""
        answer = await self.call("Authorize", {"idTag": id_tag})
        return str(answer["idTagInfo"]["status"])

    async def status(self, connector: int, status: str, error_code: str = "NoError", info: str = "") -> Payload:
        payload = {"connectorId": connector, "status": status, "errorCode": error_code, "timestamp": now()}
        payload |= {"info": info} if info else {}
        return await self.call("StatusNotification", payload)

    async def start_transaction(self, id_tag: str, *, connector: int = 1, meter_start_wh: int = 0) -> Transaction:
        """Begin a transaction and wait until the central system knows of it."""
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
        """Send a reading in its turn; the future gets its answer."""
        transaction.register_wh = register_wh
        value = {"timestamp": now(), "sampledValue": samples(register_wh, power_w, soc_percent, context)}
        return self.enqueue("MeterValues", lambda: _in_transaction(transaction, meterValue=[value]))

    async def stop_transaction(
        self, transaction: Transaction, *, meter_stop_wh: int | None = None, reason: str = "Local"
    ) -> Payload:
        """End a transaction and wait until the central system knows of it."""
        if meter_stop_wh is not None:
            transaction.register_wh = meter_stop_wh
        ended = {"meterStop": transaction.register_wh, "timestamp": now(), "reason": reason}
        if self.transactions.get(transaction.connector) is transaction:
            del self.transactions[transaction.connector]
        transaction.is_ended.set()
        return await self.enqueue("StopTransaction", lambda: {"transactionId": transaction.id, **ended})

    def enqueue(self, action: str, payload: Callable[[], Payload]) -> asyncio.Future[Payload]:
        """Send a transaction message in its turn, however long that takes; the future gets its result."""
        queued = _Queued(action, payload, asyncio.get_running_loop().create_future())
        self._queue.append(queued)
        self._queued.set()
        return queued.answer

    async def answer_late(self) -> None:
        """Answer what was left without an answer; accept the remote stops among it, and end their transactions."""
        answers, self._late_answers = self._late_answers, []
        for message_id, payload in answers:
            await self.wire.send_result(message_id, payload)
        late, self._late = self._late, []
        for message_id, transaction in late:
            await self._accept(message_id, transaction)

    async def _deliver(self) -> None:
        while True:
            await self._queued.wait()
            await self.wire.connected.wait()
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
        await asyncio.sleep(0)  # who waits for the answer notes the transaction's id before the next message is made

    async def _obey(self, action: str, payload: Payload, message_id: str) -> None:
        self.commands.append((action, payload))
        self.commanded.set()
        how = self.on_command.get(action)
        if action == "RemoteStopTransaction":
            await self._remote_stop(payload["transactionId"], message_id)
        elif action == "TriggerMessage" and how is None:
            await self._trigger(payload, message_id)
        elif how is OnCommand.ERROR or action not in self._answers:
            await self.wire.send_error(message_id, "InternalError" if how else "NotSupported")
        elif how is OnCommand.DISCONNECT:
            self.wire.drop()
        elif how is not OnCommand.SILENT:
            await self._answer_command(action, payload, message_id, how)

    async def _answer_command(
        self, action: str, payload: Payload, message_id: str, how: OnCommand | Payload | None
    ) -> None:
        answer = how if isinstance(how, dict) else self._answers[action](self.memory, payload)
        if how is OnCommand.LATE:
            self._late_answers.append((message_id, answer))
            return
        await self.wire.send_result(message_id, answer)
        if action in STARTS and self.starts and answer["status"] == "Accepted":
            self._spawn(self._start(payload))
        elif self.memory.new_key:
            self.wire.change_key(self.memory.new_key)
            self.memory.new_key = ""

    async def _trigger(self, payload: Payload, message_id: str) -> None:
        """Send a reading of the transaction on the connector, where that is what is asked for and there is one."""
        transaction = self.transactions.get(payload.get("connectorId", 0))
        if not self.obeys_triggers or payload["requestedMessage"] != "MeterValues" or transaction is None:
            await self.wire.send_result(message_id, {"status": "Rejected"})
            return
        await self.wire.send_result(message_id, {"status": "Accepted"})
        self.meter_values(transaction, transaction.register_wh, context="Trigger")

    async def _remote_stop(self, transaction_id: int, message_id: str) -> None:
        found = [t for t in self.transactions.values() if t.id == transaction_id]
        if not found or self.on_remote_stop is OnRemoteStop.REJECT:
            await self.wire.send_result(message_id, {"status": "Rejected"})
        elif self.on_remote_stop is OnRemoteStop.ACCEPT:
            await self._accept(message_id, found[0])
        elif self.on_remote_stop is OnRemoteStop.ACCEPT_SILENT:
            await self.wire.send_result(message_id, {"status": "Accepted"})
        elif self.on_remote_stop is OnRemoteStop.ERROR:
            await self.wire.send_error(message_id, "InternalError")
        elif self.on_remote_stop is OnRemoteStop.LATE:
            self._late.append((message_id, found[0]))
        elif self.on_remote_stop is OnRemoteStop.DISCONNECT:
            self.wire.drop()

    async def _accept(self, message_id: str, transaction: Transaction) -> None:
        await self.wire.send_result(message_id, {"status": "Accepted"})
        self._spawn(self._end(transaction))

    async def _end(self, transaction: Transaction) -> None:
        await asyncio.sleep(self.end_after_s)
        if not transaction.is_ended.is_set():
            await self.stop_transaction(transaction, reason="Remote")

    async def _start(self, asked: Payload) -> None:
        await self.start_transaction(asked["idTag"], connector=asked.get("connectorId", 1))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(log_failure)


def _in_transaction(transaction: Transaction, **rest: object) -> Payload:
    return {"connectorId": transaction.connector, "transactionId": transaction.id, **rest}


_told = [datetime.min.replace(tzinfo=UTC)]


def now() -> str:
    """The instant in milliseconds, each told once: two readings of one instant would be one to who stores them."""
    _told[0] = max(datetime.now(UTC), _told[0] + timedelta(milliseconds=1))
    return _told[0].isoformat(timespec="milliseconds").replace("+00:00", "Z")


def samples(register_wh: int, power_w: int | None, soc_percent: int | None, context: str) -> list[Payload]:
    """The sampled values of one instant: the register, and what else the charger measures."""
    values = [("Energy.Active.Import.Register", register_wh, "Wh")]
    if power_w is not None:
        values.append(("Power.Active.Import", power_w, "W"))
    if soc_percent is not None:
        values.append(("SoC", soc_percent, "Percent"))
    return [{"value": str(value), "measurand": name, "unit": unit, "context": context} for name, value, unit in values]
