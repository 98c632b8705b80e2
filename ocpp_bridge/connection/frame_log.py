"""The OCPP log's recording of frames: bounded, and without delay for a charger.

A frame is appended to a list in memory. Twice a second a separate thread redacts the list's secrets and writes it.
Frames beyond the limits of their charger, or of all chargers together, are dropped, counted, and logged once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import time_ns

from ocpp_bridge.redaction import strike_out
from polaris.ocpp_log.files import Line, LogFiles

WRITE_INTERVAL_S = 0.5
LINE_COST = 500  # in characters; writing a line takes time, however short its frame
MAX_PENDING = 2 * 1024 * 1024  # characters of all connections between two writes; this bounds the memory
MAX_BURST = 512 * 1024  # of one charger; one in a loop would displace the frames of all others
ALLOWANCE_PER_WRITE = 2048  # of one charger after its burst
MAX_CHARGERS = 20_000  # remembered beyond their connections, or a charger that reconnects would begin anew

log = logging.getLogger(__name__)

Record = tuple[int, str, str, str, str]  # the fields of a Line, its instant in nanoseconds


class FrameLog:
    """The log of all connections of a process. Run `run` until the end, then `close`. Without files, none is kept."""

    def __init__(self, files: LogFiles | None) -> None:
        self._files = files
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="frames")
        self._connections = 0
        self._taps: OrderedDict[str, Tap] = OrderedDict()  # the newest of each charger; the last connected last
        self._is_down = False
        self.lines: list[Record] = []
        self.room = 0 if files is None else MAX_PENDING  # characters left until the next write
        self.writes = 0  # so far; each refills the allowances of all taps
        self.dropped = 0  # since the process started

    def tap(self, identity: str) -> Tap:
        """Return the recorder of a new connection."""
        self._connections += 1
        tap = self._taps[identity] = Tap(self, identity, str(self._connections), self._taps.pop(identity, None))
        if len(self._taps) > MAX_CHARGERS:
            self._taps.popitem(last=False)
        return tap

    def drop(self, identity: str) -> None:
        """Count a frame that is not kept, and log the first one."""
        if not self.dropped and self._files is not None:
            log.warning("%s: so many frames that the log of frames leaves some out", identity)
        self.dropped += 1

    async def run(self) -> None:
        """Write at intervals until cancelled."""
        while True:
            await asyncio.sleep(WRITE_INTERVAL_S)
            await self._write()

    async def close(self) -> None:
        """Write the last frames."""
        await self._write()
        self._thread.shutdown(wait=False)

    async def _write(self) -> None:
        self.writes += 1
        if not self.lines or self._files is None:
            return
        lines, self.lines, self.room = self.lines, [], MAX_PENDING
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, _redact_and_write, self._files, lines)
            self._is_down = False
        except Exception as error:  # of any kind: a frame that cannot be written must not end the bridge
            if not self._is_down:
                log.warning("The log of frames cannot be written: %s", error)
            self._is_down = True
            self.dropped += len(lines)


class Tap:
    """The recorder of one connection. Its charger's allowance goes on from its last one, refilled with each write."""

    __slots__ = ("_allowance", "_connection", "_identity", "_log", "_writes")

    def __init__(self, frame_log: FrameLog, identity: str, connection: str, last: Tap | None) -> None:
        self._log, self._identity, self._connection = frame_log, identity, connection
        self._allowance: int = MAX_BURST if last is None else last._allowance
        self._writes: int = frame_log.writes if last is None else last._writes

    def record(self, direction: str, frame: str) -> None:
        """Append a frame (`IN`, `OUT`), the subprotocol (`OPEN`) or the end (`CLOSE`).

        This runs twice for every message of every charger, so it makes as few calls as possible.
        """
        frame_log = self._log
        if self._writes != frame_log.writes:
            refill = (frame_log.writes - self._writes) * ALLOWANCE_PER_WRITE
            self._allowance, self._writes = min(MAX_BURST, self._allowance + refill), frame_log.writes
        cost = len(frame) + LINE_COST
        if cost > self._allowance or cost > frame_log.room:
            frame_log.drop(self._identity)
            return
        self._allowance -= cost
        frame_log.room -= cost
        frame_log.lines.append((time_ns(), self._identity, self._connection, direction, frame))


def _redact_and_write(files: LogFiles, records: Sequence[Record]) -> None:
    files.write(
        [
            Line(at_ns // 1000, identity, connection, direction, strike_out(frame))
            for at_ns, identity, connection, direction, frame in records
        ]
    )
