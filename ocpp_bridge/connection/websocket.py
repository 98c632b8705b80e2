"""A charger's WebSocket: an asyncio protocol over websockets' sans-I/O `ServerProtocol`.

Messages are delivered one at a time, with back-pressure in both directions, and a silent charger is pinged. However
many frames of one charger have come, a turn of the loop takes a few: all others wait meanwhile.
`ServerProtocol` parses the opening and closing handshakes and all unusual frames. A text message in one frame, which
nearly all are, is only unmasked: that takes a fraction of the parser's time. `connection` handles the messages.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, OPEN, Event
from websockets.server import ServerProtocol
from websockets.speedups import apply_mask
from websockets.typing import BytesLike, Subprotocol

from ocpp_bridge.connection.framing import MASKED, WHOLE_TEXT, payload_extent, text_frame
from polaris.ocpp_log.files import NO_PONG, SILENT

MAX_MESSAGE_BYTES = 256 * 1024  # a StopTransaction with hours of transactionData fits; more is closed with 1009
MAX_ANSWER_BYTES = 1024 * 1024  # of one message while a CALL of ours is unanswered: 5,000 settings fit
TOO_LONG = "too long a message"
MAX_WAITING = 4  # received messages of one charger; its socket is not read while there are as many
MAX_PER_TURN = 16  # frames of one charger in a turn of the loop
TURN_INTERVAL_S = 0.002  # until its next ones; without it, one charger would keep the processor busy
MAX_FRAGMENTS = 1024  # of one message; empty ones do not count towards its size
MAX_WRITE_BUFFER_BYTES = 32 * 1024  # of answers that a charger does not read; with more, its messages wait
MAX_HEAD_BYTES = 16 * 1024  # of the HTTP request
END_OF_HEAD = b"\r\n\r\n"
CONTROL = 0x08  # in the first byte of a control frame, which may come between fragments
PING = 0x80 | Opcode.PING  # the first byte of a ping

Take = Callable[[str | bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The time-outs of a socket: the silence before a ping, the wait for its pong, and that for a closing handshake.

    A charger that is not pinged is disconnected after that silence.
    """

    ping_interval_s: float
    ping_timeout_s: float
    close_timeout_s: float
    is_pinged: bool = True


class _Protocol(ServerProtocol):
    """A `ServerProtocol` that also accepts a client which offers none of the subprotocols."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        return next((name for name in self.available_subprotocols or () if name in subprotocols), None)


class Socket(asyncio.Protocol):
    """A WebSocket that delivers messages to `listen`. If they come faster than they are handled, it stops reading."""

    transport: asyncio.Transport

    def __init__(self, subprotocols: Sequence[Subprotocol], timeouts: Timeouts) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = _Protocol(subprotocols=subprotocols, max_size=None)  # it gets bounded frames
        self.timeouts = timeouts
        self.request: asyncio.Future[Request | None] = self._loop.create_future()  # None: lost before it came
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self.is_writing_paused = False
        self._max_bytes = MAX_MESSAGE_BYTES
        self._take: Take | None = None
        self._spend_frame: Callable[[], bool] = lambda: True
        self._inbox: deque[str | bytes] = deque()
        self._is_taking = False
        self._is_reading_paused = False
        self._head_bytes = 0
        self._unread = bytearray()  # the beginning of a frame; before the handshake, the last bytes of the head
        self._needed = 0  # bytes of that frame in all
        self._is_behind = False  # whole frames are unread, too, and wait for a later turn
        self._is_turn_due = False
        self._fragments: list[Frame] = []
        self._fragment_bytes = 0
        self._emptied: asyncio.Future[None] | None = None
        self._received_at = self._pinged_at = 0.0
        self.has_ponged = False
        self.failure = ""  # why the bridge has closed the connection, if the charger violated the protocol
        self._keepalive_timer: asyncio.TimerHandle | None = None
        self._close_timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is OPEN

    @property
    def subprotocol(self) -> Subprotocol | None:
        return self._protocol.subprotocol

    @property
    def close_code(self) -> int | None:
        return self._protocol.close_code

    def respond(self, status: int, text: str) -> Response:
        """Return an HTTP response that refuses the opening handshake."""
        return self._protocol.reject(status, text)

    def answer_handshake(self, request: Request, refusal: Response | None) -> None:
        """Complete the opening handshake, or refuse it. It stays incomplete if the request is not one of WebSocket."""
        if self._protocol.state is CONNECTING and not self._protocol.close_expected():
            self._protocol.send_response(refusal or self._protocol.accept(request))
            self._flush()

    @property
    def is_ping_ignored(self) -> bool:
        """Whether the connection was closed for an unanswered ping, and none was ever answered on it."""
        return self.failure == NO_PONG and not self.has_ponged

    def stop_pinging(self, max_silence_s: float) -> None:
        """Ping no more; close the connection if nothing is received for so long."""
        self.timeouts = replace(self.timeouts, ping_interval_s=max_silence_s, is_pinged=False)

    def start_keepalive(self) -> None:
        """Ping the charger whenever it is silent, and close the connection if it does not answer."""
        self._keepalive_timer = self._loop.call_later(self.timeouts.ping_interval_s, self._keep_alive)

    def listen(self, take: Take, spend_frame: Callable[[], bool] = lambda: True) -> None:
        """Deliver each message to `take`. If that returns False, the next message waits for `go_on`.

        Frames that are no whole messages (pings, pongs, fragments) go on for as long as `spend_frame` returns True.
        """
        self._take, self._spend_frame = take, spend_frame
        self._deliver()
        self._settle()

    def go_on(self) -> None:
        """Deliver the next message: the last one is handled."""
        self._is_taking = False
        if self._inbox or self._emptied is not None:
            self._deliver()
            self._settle()

    def expect_answer(self, is_expected: bool) -> None:
        """Take one message that is longer than others, since the charger was asked for it; or none any more."""
        self._max_bytes = MAX_ANSWER_BYTES if is_expected else MAX_MESSAGE_BYTES

    def write(self, text: bytes) -> bool:
        """Send a text message without waiting; return whether the connection is open."""
        if not self.is_open:
            return False
        self.transport.write(text_frame(text))
        return True

    def start_closing(self, code: CloseCode, reason: str = "") -> None:
        """Begin the closing handshake, and end the connection if the charger does not complete it in time."""
        if self.is_open:
            self._protocol.send_close(code, reason)
            self._flush()
            self._settle()
        elif self._protocol.state is CONNECTING and not self._protocol.close_expected():
            self.transport.abort()

    async def close(self, code: CloseCode = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Close the connection and wait until it is closed."""
        self.start_closing(code, reason)
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.shield(self._lost)

    async def ended(self) -> None:
        """Wait until the connection is closed and all received messages are handled."""
        await self.wait_closed()
        if self._inbox or self._is_taking or self._is_behind:
            self._emptied = self._loop.create_future()
            await self._emptied
        self._take = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(MAX_WRITE_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Take the frames that have come whole."""
        self._received_at = self._loop.time()
        if self._protocol.eof_sent:  # it was refused, or has failed: what still comes is not read
            return
        if self._protocol.state is CONNECTING:
            self._take_head(data)
            return
        if self._unread:
            self._unread += data
            if self._is_behind or len(self._unread) < self._needed:
                return
            data = bytes(self._unread)
            self._unread.clear()
        taken = self._take_turn(data)
        if taken < len(data):
            self._unread += data[taken:]

    def _take_head(self, data: bytes) -> None:
        """Give the parser the HTTP request, and nothing else: a client waits for its answer (RFC 6455 §4.1)."""
        self._head_bytes += len(data)
        seen = bytes(self._unread) + data
        end = seen.find(END_OF_HEAD)
        has_more = self.request.done() or 0 <= end < len(seen) - len(END_OF_HEAD)
        if has_more or self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()
            return
        self._unread[:] = b"" if end >= 0 else seen[1 - len(END_OF_HEAD) :]
        self._parse(data)

    def _take_turn(self, data: bytes | bytearray) -> int:
        """Take as many frames as a turn may; return how many bytes need not be kept."""
        self._needed = 0
        taken = self._take_frames(data)
        self._is_behind = taken < len(data) and not self._needed
        self._settle()
        return taken

    def _take_frames(self, data: bytes | bytearray) -> int:
        """Take some frames; return the bytes that they were. The parser gets whole ones only."""
        is_over = self._protocol.eof_sent  # messages that came before the end are handled nevertheless
        at, end = 0, len(data)
        for _ in range(MAX_PER_TURN):
            if at == end or self._is_full:
                break
            start, size = payload_extent(data, at)
            if start and not data[at + 1] & MASKED:
                if not is_over:
                    self._parse(bytes(data[at:start]))  # which refuses it
                return end
            if start and size > self._max_bytes - (0 if data[at] & CONTROL else self._fragment_bytes):
                self._fail(CloseCode.MESSAGE_TOO_BIG, TOO_LONG)
                return end
            if not start or start + size > end:
                self._needed = start + size - at if start else end - at + 1
                return at
            if data[at] == WHOLE_TEXT and not self._fragments:
                self._text(apply_mask(data[start : start + size], data[start - 4 : start]))
            elif not is_over:
                self._take_unusual(bytes(data[at : start + size]))
            if self._protocol.eof_sent and not is_over:
                return end
            at = start + size
        return at

    def _take_unusual(self, frame: bytes) -> None:
        if not self._spend_frame():
            self._fail(CloseCode.POLICY_VIOLATION, "too many frames that are no messages")
        elif frame[0] != PING or not self.is_writing_paused:  # or pongs that it does not read would fill the memory
            self._parse(frame)

    @property
    def _is_full(self) -> bool:
        """Whether no more frames are taken for now: messages wait, or nobody listens yet."""
        return len(self._inbox) >= MAX_WAITING or (self._take is None and self.is_open)

    def _settle(self) -> None:
        """Read on if nothing waits; let frames that are left have the next turn, once there is room for messages."""
        if self._is_behind and not self._is_full and not self._is_turn_due:
            self._is_turn_due = True
            self._loop.call_later(TURN_INTERVAL_S, self._take_next_turn)
        if (self._is_full or self._is_behind) is not self._is_reading_paused:
            self._pause_reading(not self._is_reading_paused)
        is_busy = self._inbox or self._is_taking or self._is_behind
        if self._emptied is not None and not is_busy and not self._emptied.done():
            self._emptied.set_result(None)

    def _take_next_turn(self) -> None:
        self._is_turn_due = False
        del self._unread[: self._take_turn(self._unread)]

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()

    def pause_writing(self) -> None:
        self.is_writing_paused = True

    def resume_writing(self) -> None:
        self.is_writing_paused = False
        self._deliver()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.receive_eof()
        self._protocol.parser.close()  # a generator that refers to its protocol; after a storm, such cycles fill memory
        for timer in (self._keepalive_timer, self._close_timer):
            if timer is not None:
                timer.cancel()
        self._keepalive_timer = self._close_timer = None
        if not self.request.done():
            self.request.set_result(None)
        self._lost.set_result(None)
        self.is_writing_paused = False
        self._deliver()
        self._settle()

    def _parse(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        self._flush()
        for event in events:
            self._process(event)

    def _process(self, event: Event) -> None:
        """Assemble messages that are fragmented or binary; control frames are answered by the parser."""
        if isinstance(event, Request):
            self.request.set_result(event)
        elif isinstance(event, Frame) and event.opcode is Opcode.PONG:
            self.has_ponged = True
        elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._fragments.append(event)
            self._fragment_bytes += len(event.data)
            if len(self._fragments) > MAX_FRAGMENTS:
                self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            elif event.fin:
                fragments, self._fragments, self._fragment_bytes = self._fragments, [], 0
                payload = b"".join(fragment.data for fragment in fragments)
                if fragments[0].opcode is Opcode.TEXT:
                    self._text(payload)
                else:
                    self._receive(payload)

    def _flush(self) -> None:
        """Write the protocol's output; once it expects the connection to end, limit the time for that."""
        for data in self._protocol.data_to_send():
            if data:
                self.transport.write(data)
            elif self.transport.can_write_eof():
                with suppress(OSError, RuntimeError):  # uvloop raises the latter if the transport is closing
                    self.transport.write_eof()
            else:
                self.transport.close()
        if self._close_timer is None and self._protocol.close_expected():
            self._close_timer = self._loop.call_later(self.timeouts.close_timeout_s, self.transport.abort)

    def _text(self, data: BytesLike) -> None:
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError as error:
            self._fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
        else:
            self._receive(text)

    def _receive(self, message: str | bytes) -> None:
        if len(message) > MAX_MESSAGE_BYTES:
            self._max_bytes = MAX_MESSAGE_BYTES  # one for each CALL of ours, or four of them could wait
        self._inbox.append(message)
        self._deliver()

    def _deliver(self) -> None:
        """Deliver messages, unless one is being handled or the charger does not read its answers."""
        while self._inbox and self._take is not None and not self._is_taking and not self.is_writing_paused:
            self._is_taking = not self._take(self._inbox.popleft())

    def _pause_reading(self, is_full: bool) -> None:
        if not self.transport.is_closing():
            self._is_reading_paused = is_full
            (self.transport.pause_reading if is_full else self.transport.resume_reading)()

    def _keep_alive(self) -> None:
        """Ping or fail a silent charger. Any data counts as alive; no charger is timed out while we do not read it."""
        if not self.is_open:
            return  # closing has a time-out of its own
        now, timeouts = self._loop.time(), self.timeouts
        if self._is_reading_paused and (self._is_taking or self._take is None):
            self._received_at = now
        wait_s = self._received_at + timeouts.ping_interval_s - now
        if wait_s <= 0:
            if not timeouts.is_pinged or self._pinged_at > self._received_at:
                self._fail(CloseCode.INTERNAL_ERROR, NO_PONG if timeouts.is_pinged else SILENT)
                return
            self._pinged_at, wait_s = now, timeouts.ping_timeout_s
            self._protocol.send_ping(b"")
            self._flush()
        self._keepalive_timer = self._loop.call_later(wait_s, self._keep_alive)

    def _fail(self, code: CloseCode, reason: str) -> None:
        """Close the connection for a violation of the protocol."""
        if self._protocol.eof_sent:
            return
        self.failure = reason
        self._fragments.clear()
        self._fragment_bytes = 0
        self._protocol.fail(code, reason)
        self._flush()
