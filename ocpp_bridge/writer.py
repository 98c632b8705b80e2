"""Group commit of facts: those that have arrived are stored together, in one thread; then their futures are completed.

A batch holds at most one fact of each charger, so each charger's facts stay in their order. Nothing is dropped: while
the database is gone a batch is retried until it is stored. A charger's next message is not read before its last one
is stored, so the number of connections bounds the queue.

After each commit the writer pauses for a moment, so that the facts that arrive meanwhile share the next commit. A fact
that comes alone is stored at once; if enough facts wait, there is no pause.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain, islice

from msgspec import Struct

from ocpp_bridge.clock import now
from ocpp_bridge.outage import retried
from polaris.domain.facts import Fact
from polaris.ingest import Outcome
from polaris.outage import Outage

MAX_BATCH = 100  # facts in one commit; a larger batch holds the database's lock longer, and other processes wait
MIN_BATCH = MAX_BATCH // 2  # with at least so many chargers' facts waiting, there is no pause
BATCH_PAUSE_S = 0.004  # without it each fact of a steady stream would have a commit of its own


class _Waiting(Struct, frozen=True):
    fact: Fact
    stored: asyncio.Future[Outcome]


class Writer:
    """Batch writer of facts. `run` writes, `drain` waits until the queue is empty."""

    def __init__(
        self,
        store: Callable[[Sequence[Fact], datetime], list[Outcome]],
        database: Outage,
    ) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._first: dict[int, _Waiting] = {}  # one of each charger, the longest waiting first
        self._later: dict[int, deque[_Waiting]] = {}  # further facts of the same chargers
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._database = database
        self._is_closed = False

    def store(self, fact: Fact) -> asyncio.Future[Outcome]:
        """Queue a fact; its outcome comes after the commit. The future is cancelled if the writer ends before that."""
        waiting = _Waiting(fact, asyncio.get_running_loop().create_future())
        if self._is_closed:
            waiting.stored.cancel()
            return waiting.stored
        if not self._first:
            self._idle.clear()
            self._arrived.set()
        if fact.charger_id in self._first:
            self._later.setdefault(fact.charger_id, deque()).append(waiting)
        else:
            self._first[fact.charger_id] = waiting
        return waiting.stored

    async def run(self) -> None:
        """Write batches until cancelled."""
        try:
            while True:
                await self._arrived.wait()
                await self._write(self._gather())
                if not self._first:
                    self._arrived.clear()
                    self._idle.set()
                if len(self._first) < MIN_BATCH:
                    await asyncio.sleep(BATCH_PAUSE_S)
        finally:
            self._close()

    async def drain(self, timeout_s: float) -> bool:
        """Wait until all is stored; return False if it takes longer than `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def _close(self) -> None:
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        for waiting in chain(self._first.values(), *self._later.values()):
            waiting.stored.cancel()

    def _gather(self) -> list[_Waiting]:
        """Take the first fact of each charger, by id: processes that lock in another order would deadlock."""
        charger_ids = sorted(islice(self._first, MAX_BATCH))
        batch = [self._first.pop(charger_id) for charger_id in charger_ids]
        for charger_id in self._later.keys() & charger_ids:
            later = self._later[charger_id]
            self._first[charger_id] = later.popleft()
            if not later:
                del self._later[charger_id]
        return batch

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            facts = [waiting.fact for waiting in batch]
            loop = asyncio.get_running_loop()
            outcomes = await retried(
                lambda: loop.run_in_executor(self._thread, self._store, facts, now()), self._database
            )
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.stored.cancel()
            raise
        except Exception as error:
            await self._write_separately(batch, error)
            return
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if not waiting.stored.done():
                waiting.stored.set_result(outcome)

    async def _write_separately(self, batch: Sequence[_Waiting], error: Exception) -> None:
        """Write the facts of a failed batch one by one, so that only the broken fact fails."""
        if len(batch) > 1:
            for waiting in batch:
                await self._write([waiting])
            return
        if not batch[0].stored.done():
            batch[0].stored.set_exception(error)
