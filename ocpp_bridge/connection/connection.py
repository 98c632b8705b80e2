"""Owns one charger's connection: the frame loop, which answers everything and dies of nothing, and our own CALLs.

Frames are taken one after the other: a charger has one CALL outstanding, and more than that waits in its socket.
What an Action means is the version's business; who may connect is the server's.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from ocpp_bridge import ocppj
from ocpp_bridge.connection import eager
from ocpp_bridge.connection.frame_log import Tap
from ocpp_bridge.connection.websocket import Socket
from ocpp_bridge.ocppj import Answer, Call, CallRefused, Fault, Strange
from ocpp_bridge.versions.base import IncomingCall, Version

MAX_UNANSWERED = 8  # CALLs of ours whose late answer is still waited for

log = logging.getLogger(__name__)


class ConnectionLost(Exception):
    """The connection ended, or another replaced it, before the charger answered."""


@dataclass(frozen=True, slots=True)
class ChargePoint:
    """The charger at the other end, as the handshake knew it."""

    charger_id: int
    identity: str
    energy_unit: str = ""


class Connection:
    """A charger's connection from its handshake to its end."""

    def __init__(
        self,
        socket: Socket,
        charge_point: ChargePoint,
        version: Version,
        *,
        now: Callable[[], datetime],
        heard: Callable[[int], None],
        tap: Tap,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.charge_point = charge_point
        self.version = version
        self.calling = asyncio.Lock()  # held by who sends a CALL until it is answered or given up: one at a time
        self._socket = socket
        self._now, self._heard, self._tap = now, heard, tap
        self._unanswered: dict[str, asyncio.Future[Answer]] = {}
        self._complaints: set[str] = set()
        self.is_over = False

    async def run(self) -> None:
        """Take frames until the connection ends."""
        try:
            self._socket.listen(self._take)
            await self._socket.ended()
            log.info("%s: connection ended with %s", self.charge_point.identity, self._socket.close_code)
        finally:
            self.end()

    async def call(self, action: str, payload: dict[str, object]) -> asyncio.Future[Answer]:
        """Send a CALL; the future gets the answer, however late, or `ConnectionLost`. The caller holds `calling`."""
        message_id = str(uuid.uuid4())
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.is_over:
            answer.set_exception(ConnectionLost())
            return answer
        if len(self._unanswered) >= MAX_UNANSWERED:
            self._unanswered.pop(next(iter(self._unanswered))).cancel()
        self._unanswered[message_id] = answer
        try:
            text = ocppj.call(message_id, action, payload)
            self._tap.outgoing(text)
            await self._socket.send(text)
        except ConnectionClosed:
            self.end()
        return answer

    async def replace(self) -> None:
        """End this connection because its charger has a newer one."""
        self.end()
        await self._socket.close(CloseCode.NORMAL_CLOSURE, "replaced by a newer connection")

    def end(self) -> None:
        """Take no more frames, and fail what waits for an answer."""
        self.is_over = True
        unanswered, self._unanswered = self._unanswered, {}
        for answer in unanswered.values():
            if not answer.done():
                answer.set_exception(ConnectionLost())

    def _take(self, message: str | bytes) -> bool:
        """Take a message; return whether it is done with. If not, the socket is told when it is."""
        if self.is_over:
            return True
        self._heard(self.charge_point.charger_id)
        if isinstance(message, bytes):
            self._complain("sent a binary frame")
            self._socket.refuse(CloseCode.UNSUPPORTED_DATA, "OCPP-J frames are text")
            self.end()
            return True
        self._tap.incoming(message)
        try:
            frame = ocppj.decode(message, self.version.message_types, self.version.decoders)
        except ocppj.Unreadable as problem:
            self._complain(f"sent a frame that is {problem}")
            self._refuse_all(ocppj.NO_ID, Fault.FRAMEWORK, "This is no OCPP-J message.")
        except CallRefused as refusal:
            self._send(self._error(refusal.message_id, refusal))
        else:
            if isinstance(frame, Call):
                return eager.begin(self._handle(frame), self._socket.go_on)
            self._follow(frame)
        return True

    def _follow(self, frame: Answer | Strange | None) -> None:
        if isinstance(frame, Answer):
            answer = self._unanswered.pop(frame.id, None)
            if answer is not None and not answer.done():
                answer.set_result(frame)
        elif isinstance(frame, Strange):
            self._complain("sent a message of a type that is not known")
            self._refuse_all(frame.id, Fault.MESSAGE_TYPE, "This message type is not known.")
        else:
            self._complain("sent a message that nothing follows from")

    def _refuse_all(self, message_id: str, fault: Fault, description: str) -> None:
        """Refuse what is no CALL, to a charger whose version wants that to be said."""
        if self.version.answers_all:
            self._send(self._error(message_id, CallRefused(fault, description)))

    async def _handle(self, call: Call) -> None:
        whose = self.charge_point
        message = IncomingCall(
            whose.charger_id,
            whose.identity,
            self._now(),
            call.payload,
            call.id,
            whose.energy_unit,
            not call.wants_answer,
            call.request,
        )
        try:
            answer = ocppj.result(call.id, await self.version.answer(message, call.action))
        except CallRefused as refusal:
            self._complain(f"sent a CALL that was refused: {refusal.description}")
            answer = self._error(call.id, refusal)
        except Exception:
            log.exception("%s: a %s could not be handled", self.charge_point.identity, call.action[:40])
            answer = self._error(call.id, CallRefused(Fault.INTERNAL, "This could not be handled."))
        if call.wants_answer:
            self._send(answer)

    def _error(self, message_id: str, refusal: CallRefused) -> bytes:
        return ocppj.error(message_id, self.version.error_code(refusal.fault), refusal.description)

    def _send(self, answer: bytes) -> None:
        """Who stops reading is asked nothing new, stops answering pings, too, and is closed for that."""
        self._tap.outgoing(answer.decode())
        self._socket.write(answer)

    def _complain(self, problem: str) -> None:
        """Log each problem once a connection: a charger with a fault has it in every frame."""
        if problem not in self._complaints and len(self._complaints) < 20:
            self._complaints.add(problem)
            log.warning("%s: %s", self.charge_point.identity, problem)
