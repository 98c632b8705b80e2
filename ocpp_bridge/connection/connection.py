"""A charger's connection after its handshake: every CALL of the charger gets an answer, and ours are sent.

Messages are handled one after the other: a charger has one CALL outstanding, and further ones wait in its socket. No
message ends the connection's loop. `versions` handles Actions, `handshake` admission.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from websockets.frames import CloseCode

from ocpp_bridge import ocppj
from ocpp_bridge.clock import now
from ocpp_bridge.connection import connector_bounds
from ocpp_bridge.connection.frame_log import Tap
from ocpp_bridge.connection.volume import Volume
from ocpp_bridge.connection.websocket import TOO_LONG, Socket
from ocpp_bridge.ocppj import Answer, Call, CallRefused, Fault, UnknownType
from ocpp_bridge.versions.base import CardMemory, IncomingCall, PendingReply, Version
from ocpp_bridge.versions.timestamps import ChargerClock
from polaris.domain.connectors import MAX_NUMBER
from polaris.domain.enums import Alarm
from polaris.domain.facts import ChargerClockChanged, ChargerClockSampled
from polaris.domain.phases import PhaseMemory
from polaris.ocpp_log.files import IN, OUT
from polaris.outage import DATABASE_GONE

MAX_UNANSWERED = 8  # of our CALLs; a charger that answers none would make the list grow without end
MAX_COMPLAINTS = 20  # of one connection; a description may quote the charger, and so always differ

log = logging.getLogger(__name__)


class ConnectionLost(Exception):
    """The connection ended, or another replaced it, before the charger answered."""


class MessageTooLong(ConnectionLost):
    """The connection was closed because the charger sent too long a message, perhaps the answer."""


@dataclass(frozen=True, slots=True)
class AdmittedCharger:
    """The charger at the other end, as it was stored at the handshake."""

    charger_id: int
    identity: str
    energy_unit: str = ""
    clock_offset_s: int = 0
    is_pinged: bool = True
    unanswered_pings: int = 0  # connections in a row that ended because of them
    admission: int = 0  # as it was at the handshake; another one ends the connection
    max_connectors: int = MAX_NUMBER


class Connection:
    """A charger's connection from its handshake to its end; `tap` records its frames."""

    def __init__(
        self,
        socket: Socket,
        charger: AdmittedCharger,
        version: Version,
        *,
        on_activity: Callable[[int], None],
        tap: Tap,
        volume: Volume,
        on_alarm: Callable[[Alarm], object],
    ) -> None:
        self.id = uuid.uuid4().hex
        self.charger = charger
        self.version = version
        self.calling = asyncio.Lock()  # held from a CALL of ours until its answer or time-out: one is outstanding
        self._socket = socket
        self._on_activity, self._tap, self._volume, self._on_alarm = on_activity, tap, volume, on_alarm
        self._unanswered: dict[str, asyncio.Future[Answer]] = {}
        self._complaints: set[str] = set()
        self._alarms: set[Alarm] = set()
        self._clock = ChargerClock(charger.clock_offset_s)
        self._phases = PhaseMemory()
        self._cards = CardMemory()
        self._delayed: asyncio.TimerHandle | None = None  # of the message that waits for the charger's allowance
        self.is_over = False

    async def run(self) -> None:
        """Handle messages until the connection ends."""
        try:
            self._socket.listen(self._take, self._volume.spend_frame)
            await self._socket.ended()
            log.info("%s: connection ended with %s", self.charger.identity, self._socket.close_code)
            if self._socket.failure == TOO_LONG:
                self._alarm(Alarm.TOO_LONG, "sent a message that is too long, so its connection was closed")
        finally:
            self.end()

    def call(self, action: str, payload: dict[str, object]) -> asyncio.Future[Answer]:
        """Send a CALL, holding `calling`; the future gets the answer, however late, or raises `ConnectionLost`."""
        message_id = str(uuid.uuid4())
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.is_over:
            answer.set_exception(ConnectionLost())
            return answer
        if len(self._unanswered) >= MAX_UNANSWERED:
            self._unanswered.pop(next(iter(self._unanswered))).cancel()
        self._unanswered[message_id] = answer
        text = ocppj.call(message_id, action, payload)
        self._tap.record(OUT, text)
        self._socket.expect_answer(True)
        if not self._socket.write(text.encode()):
            self.end()
        return answer

    async def replace(self) -> None:
        """Close this connection because its charger has a newer one."""
        self.end()
        await self._socket.close(CloseCode.NORMAL_CLOSURE, "replaced by a newer connection")

    async def let_go(self) -> None:
        """Close this connection because the charger has to be admitted anew."""
        self.end()
        await self._socket.close(CloseCode.POLICY_VIOLATION, "the admission has changed")

    def end(self) -> None:
        """Ignore further messages and the one that is delayed, and fail our CALLs that have no answer yet."""
        self.is_over = True
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
            self._socket.go_on()
        unanswered, self._unanswered = self._unanswered, {}
        for answer in unanswered.values():
            if not answer.done():
                answer.set_exception(MessageTooLong() if self._socket.failure == TOO_LONG else ConnectionLost())

    def _take(self, message: str | bytes) -> bool:
        """Handle a message, now or later; return whether that is finished. If not, the socket is resumed then."""
        if self.is_over:
            return True
        wait_s = self._volume.spend(len(message))
        if self._volume.is_low:
            self._alarm(Alarm.VOLUME, "sends so much that its messages will have to wait, or do")
        if not wait_s:
            return self._handle(message)
        self._delayed = asyncio.get_running_loop().call_later(wait_s, self._handle_late, message)
        return False

    def _handle_late(self, message: str | bytes) -> None:
        self._delayed = None
        if self._handle(message):
            self._socket.go_on()

    def _handle(self, message: str | bytes) -> bool:
        self._on_activity(self.charger.charger_id)
        if isinstance(message, bytes):
            self._complain("sent a binary frame")
            self._socket.start_closing(CloseCode.UNSUPPORTED_DATA, "OCPP-J frames are text")
            self.end()
            return True
        self._tap.record(IN, message)
        try:
            frame = ocppj.decode(message, self.version.message_types, self.version.decoders)
        except ocppj.Unreadable as problem:
            self._complain(f"sent a frame that is {problem}")
            self._refuse_message(ocppj.NO_ID, Fault.FRAMEWORK, "This is no OCPP-J message.")
        except CallRefused as refusal:
            self._send(self._error(refusal.message_id, refusal))
        else:
            if isinstance(frame, Call):
                return self._begin(frame)
            self._take_other(frame)
        return True

    def _take_other(self, frame: Answer | UnknownType | None) -> None:
        if isinstance(frame, Answer):
            if frame.malformed:
                self._complain("sent an answer that is malformed")
            answer = self._unanswered.pop(frame.id, None)
            if not self._unanswered:
                self._socket.expect_answer(False)
            if answer is not None and not answer.done():
                answer.set_result(frame)
        elif isinstance(frame, UnknownType):
            self._complain("sent a message of a type that is not known")
            self._refuse_message(frame.id, Fault.MESSAGE_TYPE, "This message type is not known.")
        else:
            self._complain("sent a message that nothing follows from")

    def _begin(self, call: Call) -> bool:
        """Begin to handle a CALL; return whether it is answered already."""
        charger = self.charger
        incoming = IncomingCall(
            charger.charger_id,
            charger.identity,
            now(),
            call.action,
            call.payload,
            call.id,
            charger.energy_unit,
            call.is_send,
            self._clock,
            self._phases,
            self._cards,
        )
        try:
            exchange = self.version.begin(incoming, call.request)
            needs = connector_bounds.checked(exchange.needs, charger.max_connectors)
            self._store_clock(incoming)
            if needs is not None:
                outcome = self.version.central_system.request(needs)
                outcome.add_done_callback(partial(self._finish, incoming, exchange))
                return False
        except Exception as error:
            self._refuse(incoming, error)
            return True
        self._answer(incoming, exchange, None)
        return True

    def _store_clock(self, call: IncomingCall) -> None:
        """Store how far the charger's clock is ahead, if that has changed: before the message that has shown it."""
        offset_s = self._clock.offset_to_store(call.received_at)
        if offset_s is not None:
            charger = self.charger
            log.info("%s: its clock is %d s ahead of ours", charger.identity, offset_s)
            self.version.central_system.store(
                ChargerClockChanged(charger_id=charger.charger_id, received_at=call.received_at, offset_s=offset_s)
            )
        if self._clock.sample is not None:
            (ahead, at), self._clock.sample = self._clock.sample, None
            self.version.central_system.store(
                ChargerClockSampled(charger_id=self.charger.charger_id, received_at=at, ahead=ahead)
            )

    def _finish(self, call: IncomingCall, exchange: PendingReply, done: asyncio.Future[Any]) -> None:
        try:
            if not done.cancelled():  # the bridge is stopping: the charger has to send it again
                self._answer(call, exchange, done)
        finally:
            self._socket.go_on()

    def _answer(self, call: IncomingCall, exchange: PendingReply, done: asyncio.Future[Any] | None) -> None:
        try:
            answer = ocppj.result(call.id, exchange.answer(None if done is None else done.result()))
        except Exception as error:
            self._refuse(call, error)
        else:
            if not call.is_send:
                self._send(answer)

    def _refuse(self, call: IncomingCall, error: Exception) -> None:
        """Answer a CALL that could not be handled."""
        if isinstance(error, DATABASE_GONE):
            error = CallRefused(Fault.INTERNAL, "The card cannot be looked up just now.")
        if isinstance(error, CallRefused):
            if error.fault is Fault.VALUE:
                self._alarm(Alarm.CONNECTORS, "has connectors beyond the bound; see `charger connectors`")
            self._complain(f"sent a CALL that was refused: {error.description}")
        else:
            log.error("%s: a %s could not be handled", self.charger.identity, call.action[:40], exc_info=error)
            error = CallRefused(Fault.INTERNAL, "This could not be handled.")
        if not call.is_send:
            self._send(self._error(call.id, error))

    def _refuse_message(self, message_id: str, fault: Fault, description: str) -> None:
        """Refuse a message that is not a CALL, if the version has an answer to such messages."""
        if self.version.answers_all:
            self._send(self._error(message_id, CallRefused(fault, description)))

    def _error(self, message_id: str, refusal: CallRefused) -> bytes:
        return ocppj.error(message_id, self.version.error_codes[refusal.fault], refusal.description)

    def _send(self, answer: bytes) -> None:
        """Send an answer without waiting for the charger to read it: if it reads nothing, the keep-alive ends it."""
        self._tap.record(OUT, answer.decode())
        self._socket.write(answer)

    def _alarm(self, topic: Alarm, problem: str) -> None:
        """Raise an alarm once for each connection: in the log and on the charger's page."""
        if topic not in self._alarms:
            self._alarms.add(topic)
            log.error("%s: %s", self.charger.identity, problem)
            self._on_alarm(topic)

    def _complain(self, problem: str) -> None:
        """Log a problem once for each connection: a faulty charger repeats its fault in every frame."""
        if problem not in self._complaints and len(self._complaints) < MAX_COMPLAINTS:
            self._complaints.add(problem)
            log.warning("%s: %s", self.charger.identity, problem)
