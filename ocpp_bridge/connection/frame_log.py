"""Owns noting frames for the log: what a connection says and hears, bounded, and never in the way of a charger.

Noting appends to a list in memory; twice a second the list goes to a thread of its own, which strikes out the secrets
and writes. What would be too much, of one connection or of all together, is left out, counted, and logged once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import time_ns
from typing import Protocol

from ocpp_bridge.redaction import strike_out
from polaris.ocpp_log.files import CLOSE, IN, OPEN, OUT, Line

WRITE_EVERY_S = 0.5
A_LINE = 500  # what a frame costs beside its own characters: writing it takes as long as writing so many
MAX_WAITING = 2 * 1024 * 1024  # characters of all connections together, between two writes
MAX_AT_ONCE = 512 * 1024  # of one connection; a charger in a loop must not push out the others' frames
MORE_EACH_TIME = 2048  # of one connection, from one write to the next

log = logging.getLogger(__name__)

Noted = tuple[int, str, str, str, str]  # the fields of a Line, its instant in nanoseconds


class Store(Protocol):
    """Where lines go; synchronous, raises OSError."""

    def write(self, lines: Sequence[Line]) -> None: ...


class FrameLog:
    """The log of all connections of a process. `run` writes, `close` writes what is left."""

    def __init__(self, store: Store | None) -> None:
        self._store = store  # none: nothing is kept
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frames")
        self._connections = 0
        self._is_down = False
        self.lines: list[Noted] = []
        self.room = 0 if store is None else MAX_WAITING  # for characters, until the next write
        self.writes = 0
        self.left_out = 0  # since the process began

    def tap(self, identity: str) -> Tap:
        """What a connection tells its frames to."""
        self._connections += 1
        return Tap(self, identity, str(self._connections))

    def leave_out(self, identity: str) -> None:
        """Count a frame that is not kept; the first is logged."""
        if not self.left_out and self._store is not None:
            log.warning("%s: so many frames that the log of frames leaves some out", identity)
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
        self.writes += 1
        if not self.lines or self._store is None:
            return
        lines, self.lines, self.room = self.lines, [], MAX_WAITING
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, _store, self._store, lines)
            self._is_down = False
        except OSError as error:
            if not self._is_down:
                log.warning("The log of frames cannot be written: %s", error)
            self._is_down = True
            self.left_out += len(lines)


class Tap:
    """One connection's way into the log, with an allowance that fills up from write to write."""

    __slots__ = ("_allowance", "_connection", "_identity", "_log", "_writes")

    def __init__(self, frame_log: FrameLog, identity: str, connection: str) -> None:
        self._log, self._identity, self._connection = frame_log, identity, connection
        self._allowance, self._writes = MAX_AT_ONCE, frame_log.writes

    def opened(self, subprotocol: str) -> None:
        self._note(OPEN, subprotocol)

    def incoming(self, frame: str) -> None:
        self._note(IN, frame)

    def outgoing(self, frame: str) -> None:
        self._note(OUT, frame)

    def closed(self) -> None:
        self._note(CLOSE, "")

    def _note(self, direction: str, frame: str) -> None:
        """Called twice for every message of every charger: it is short, and calls next to nothing."""
        frame_log = self._log
        if self._writes != frame_log.writes:
            gained = (frame_log.writes - self._writes) * MORE_EACH_TIME
            self._allowance, self._writes = min(MAX_AT_ONCE, self._allowance + gained), frame_log.writes
        cost = len(frame) + A_LINE
        if cost > self._allowance or cost > frame_log.room:
            frame_log.leave_out(self._identity)
            return
        self._allowance -= cost
        frame_log.room -= cost
        frame_log.lines.append((time_ns(), self._identity, self._connection, direction, frame))


def _store(store: Store, noted: Sequence[Noted]) -> None:
    store.write(
        [
            Line(at_ns // 1000, identity, connection, direction, strike_out(frame))
            for at_ns, identity, connection, direction, frame in noted
        ]
    )
