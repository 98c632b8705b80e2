"""Owns noting frames for the log: what a connection says and hears, bounded, and never in the way of a charger.

Noting appends to a list in memory; twice a second the list goes to a thread of its own, which strikes out the secrets
and writes. What would be too much, of one connection or of all together, is left out, counted, and logged once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ocpp_bridge.strike_out import strike_out
from polaris.frames.segments import CLOSE, IN, OPEN, OUT, Line

WRITE_EVERY_S = 0.5
A_LINE = 100  # characters that a frame costs beside its own
MOST_WAITING = 8 * 1024 * 1024  # characters of all connections together, between two writes
MOST_AT_ONCE = 1024 * 1024  # of one connection; a charger in a loop must not push out the others' frames
MOST_A_SECOND = 4096  # of one connection, in the long run

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where lines go; synchronous, raises OSError."""

    def write(self, lines: list[Line]) -> None: ...


class FrameLog:
    """The log of all connections of a process. `run` writes, `close` writes what is left."""

    def __init__(self, store: Store | None) -> None:
        self._store = store  # none: nothing is kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frames")
        self._lines: list[Line] = []
        self._waiting = 0
        self._connections = 0
        self._is_down = False
        self.left_out = 0  # since the process began

    def tap(self, identity: str) -> Tap:
        """What a connection tells its frames to."""
        self._connections += 1
        return Tap(self, identity, str(self._connections))

    def note(self, line: Line) -> None:
        if self._store is None:
            return
        self._waiting += len(line.frame) + A_LINE
        if self._waiting > MOST_WAITING:
            self.leave_out(line.identity, "too many frames at once")
        else:
            self._lines.append(line)

    def leave_out(self, identity: str, reason: str) -> None:
        """Count a frame that is not kept; the first is logged."""
        if not self.left_out:
            log.warning("%s: %s; the log of frames leaves some out", identity, reason)
        self.left_out += 1

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self._write()

    async def close(self) -> None:
        """Write what is left."""
        await self._write()
        self._thread.shutdown(wait=False)

    async def _write(self) -> None:
        lines, self._lines, self._waiting = self._lines, [], 0
        if not lines or self._store is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, _store, self._store, lines)
            self._is_down = False
        except OSError as error:
            if not self._is_down:
                log.warning("The log of frames cannot be written: %s", error)
            self._is_down = True
            self.left_out += len(lines)


class Tap:
    """One connection's way into the log, with an allowance that fills up as time goes by."""

    def __init__(self, frame_log: FrameLog, identity: str, connection: str) -> None:
        self._log, self._identity, self._connection = frame_log, identity, connection
        self._allowance, self._at_us = float(MOST_AT_ONCE), time.time_ns() // 1000

    def opened(self, subprotocol: str) -> None:
        self._note(OPEN, subprotocol)

    def incoming(self, frame: str) -> None:
        self._note(IN, frame)

    def outgoing(self, frame: str) -> None:
        self._note(OUT, frame)

    def closed(self) -> None:
        self._note(CLOSE, "")

    def _note(self, direction: str, frame: str) -> None:
        now_us = time.time_ns() // 1000
        gained = max(0, now_us - self._at_us) * MOST_A_SECOND / 1_000_000
        self._allowance, self._at_us = min(MOST_AT_ONCE, self._allowance + gained), now_us
        cost = len(frame) + A_LINE
        if cost > self._allowance:
            self._log.leave_out(self._identity, "more frames than its share")
            return
        self._allowance -= cost
        self._log.note(Line(now_us, self._identity, self._connection, direction, frame))


def _store(store: Store, lines: list[Line]) -> None:
    store.write([Line(x.at_us, x.identity, x.connection, x.direction, strike_out(x.frame)) for x in lines])
