"""Owns a charger's WebSocket: messages are handed on as they arrive, one at a time, and answers go out at once.

`websockets` does the handshake, the closing and every frame that is out of the ordinary. A text message in one frame,
as nearly all are, needs no more than its mask taken off: it comes neither through a parser for all that can come nor
through a task. Who has been silent is pinged, by a timer. What a message means is the connection's business.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Event
from websockets.speedups import apply_mask
from websockets.typing import BytesLike

MAX_MESSAGE_BYTES = 256 * 1024  # a StopTransaction with hours of transactionData fits; more is closed with 1009
MAX_WAITING = 4  # messages of one charger, before its socket is read no further
MAX_PER_TURN = 16  # messages of one charger, before the others have theirs
MAX_FRAGMENTS = 1024  # of one message
WHOLE_TEXT = 0x80 | Opcode.TEXT  # the first byte of a frame that is a message by itself
MASKED = 0x80  # in the second

Take = Callable[[str | bytes], bool]


class Socket(ServerConnection):
    """A WebSocket that hands on what it hears. A charger that sends faster than it is answered is read no further."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._take: Take | None = None
        self._inbox: deque[str | bytes] = deque()
        self._is_taking = False
        self._is_held = False
        self._unread = bytearray()  # the beginning of a frame
        self._needed = 0  # bytes, for it to be whole
        self._fragments: list[Frame] = []
        self._closing: asyncio.Task[None] | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._heard_at = self._pinged_at = 0.0
        self._watch: asyncio.TimerHandle | None = None

    def listen(self, take: Take) -> None:
        """Hand each message to `take`. Where that returns False, the next one waits for `go_on`."""
        self._take = take
        self._hand_on()

    def go_on(self) -> None:
        """The message that was handed on last is done with."""
        self._is_taking = False
        self._hand_on()

    async def ended(self) -> None:
        """Wait until the connection has ended and all that arrived is done with."""
        await self.wait_closed()
        if self._inbox or self._is_taking:
            self._emptied = self.loop.create_future()
            await self._emptied
        self._take = None

    def write(self, text: bytes) -> None:
        """Send a text message, without waiting; nothing where the connection is not open any more."""
        if self.protocol.state is OPEN:
            self.transport.write(_frame(text))

    def refuse(self, code: CloseCode, reason: str) -> None:
        """Close the connection, and see to it that the other side does so, too."""
        self._closing = self.loop.create_task(self.close(code, reason))

    def data_received(self, data: bytes) -> None:
        """Take frames apart. Only whole ones go to websockets' parser, so that it never waits in the midst of one."""
        self._heard_at = self.loop.time()
        if self._unread:
            self._unread += data
            if len(self._unread) < self._needed:
                return
            data = bytes(self._unread)
            self._unread.clear()
        at, end = 0, len(data)
        while at < end:
            start, size = _extent(data, at)
            is_refused = start and (size > MAX_MESSAGE_BYTES or not data[at + 1] & MASKED)
            if is_refused or self.protocol.state is not OPEN or self.protocol.reader.buffer:
                super().data_received(data[at:])
                return
            if not start or start + size > end:
                self._unread += data[at:]
                self._needed = start + size - at if start else len(self._unread) + 1
                return
            if data[at] == WHOLE_TEXT and self.protocol.current_size is None:
                self._text(apply_mask(data[start : start + size], data[start - 4 : start]))
            else:
                super().data_received(data[at : start + size])
            at = start + size

    def process_event(self, event: Event) -> None:
        """Put messages together that come in fragments, or are no text; the rest is for websockets."""
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            super().process_event(event)
            return
        self._fragments.append(event)
        if len(self._fragments) > MAX_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        elif event.fin:
            fragments, self._fragments = self._fragments, []
            data = b"".join(fragment.data for fragment in fragments)
            if fragments[0].opcode is Opcode.TEXT:
                self._text(data)
            else:
                self._arrived(data)

    def start_keepalive(self) -> None:
        """See to it that a charger that is silent is asked whether it is there, and ended if it does not say so."""
        assert self.ping_interval is not None
        self._watch = self.loop.call_later(self.ping_interval, self._look)

    async def drain(self) -> None:
        """Wait for nobody to read: closing would wait for ever, and it is what ends a deaf charger."""
        await asyncio.sleep(0)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._hand_on()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._hand_on()
        self._leave_no_cycles()

    def _leave_no_cycles(self) -> None:
        """After a storm they would hold as much memory as the connections: cycles are searched for seldom."""
        self.protocol.parser.close()
        vars(self.protocol).pop("select_subprotocol", None)  # which knows the connection

    def _text(self, data: BytesLike) -> None:
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError as error:
            self._fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
        else:
            self._arrived(text)

    def _arrived(self, message: str | bytes) -> None:
        self._inbox.append(message)
        self._hand_on()

    def _hand_on(self) -> None:
        """Who does not read its answers is asked nothing new, and is not read either."""
        left = MAX_PER_TURN
        while self._inbox and self._take is not None and not self._is_taking and not self.paused:
            if not left:
                self.loop.call_soon(self._hand_on)
                break
            left -= 1
            self._is_taking = not self._take(self._inbox.popleft())
        self._hold(len(self._inbox) >= MAX_WAITING)
        if self._emptied is not None and not self._inbox and not self._is_taking and not self._emptied.done():
            self._emptied.set_result(None)

    def _hold(self, is_full: bool) -> None:
        if is_full != self._is_held and not self.transport.is_closing():
            self._is_held = is_full
            (self.transport.pause_reading if is_full else self.transport.resume_reading)()

    def _look(self) -> None:
        """Who has said anything is there. Where it is we who do not read, the database being away, no one is judged."""
        assert self.ping_interval is not None
        assert self.ping_timeout is not None
        if self.protocol.state is not OPEN:
            return  # closing has a limit of its own
        now = self.loop.time()
        if self._is_held and (self._is_taking or self._take is None):
            self._heard_at = now
        again_s = self._heard_at + self.ping_interval - now
        if again_s <= 0:
            if self._pinged_at > self._heard_at:
                self._fail(CloseCode.INTERNAL_ERROR, "no answer to a ping")
                return
            self._pinged_at, again_s = now, self.ping_timeout
            self.protocol.send_ping(b"")
            self.send_data()
        self._watch = self.loop.call_later(again_s, self._look)

    def _fail(self, code: CloseCode, reason: str) -> None:
        self._fragments.clear()
        self.protocol.fail(code, reason)
        self.send_data()
        self.refuse(code, reason)


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the payload of the frame begins that begins at `at`, and its length; (0, 0) where too little of it is here.

    It counts with a mask (RFC 6455 §5.2), without which a charger's frame is refused.
    """
    have = len(data) - at
    if have < 2:
        return 0, 0
    size = data[at + 1] & 127
    if size < 126:
        return at + 6, size
    width = 2 if size == 126 else 8
    return (at + 6 + width, int.from_bytes(data[at + 2 : at + 2 + width], "big")) if have >= 2 + width else (0, 0)


def _frame(text: bytes) -> bytes:
    size = len(text)
    if size < 126:
        return bytes((WHOLE_TEXT, size)) + text
    if size < 65_536:
        return bytes((WHOLE_TEXT, 126)) + size.to_bytes(2, "big") + text
    return bytes((WHOLE_TEXT, 127)) + size.to_bytes(8, "big") + text
