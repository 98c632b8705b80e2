"""Owns what a bridge does by the clock: its lease, the deadlines of stop requests, and chargers' last contact."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import Protocol

from ocpp_bridge.commands.sender import InThread
from ocpp_bridge.outage import DATABASE_GONE, Outage
from polaris.ingest import FollowUp

FOLLOW_UP_S = 2.0
SWEEP_S = 1.0
TOUCH_S = 10.0
MAX_AT_ONCE = 500  # chargers of one transaction, which holds up what chargers say meanwhile

log = logging.getLogger(__name__)


class Keeper(Protocol):
    """The part of `polaris.ingest.Ingest` that housekeeping needs; synchronous."""

    def renew_lease(self, bridge_id: str, now: datetime) -> None: ...

    def end_lease(self, bridge_id: str, now: datetime) -> None: ...

    def touch(self, charger_ids: Iterable[int], now: datetime) -> None: ...

    def sweep(self, now: datetime) -> None: ...

    def follow_up(self, bridge_id: str, now: datetime) -> list[FollowUp]: ...


class PeriodicTasks:
    """Begin with `begin`, then `run` for ever, and `end` at the end."""

    def __init__(
        self,
        keeper: Keeper,
        in_thread: InThread,
        now: Callable[[], datetime],
        database: Outage,
        ask: Callable[[FollowUp], None],
        *,
        bridge_id: str,
        lease_s: float,
    ) -> None:
        self._keeper, self._in_thread, self._now = keeper, in_thread, now
        self._bridge_id, self._renew_s = bridge_id, lease_s / 3
        self._heard: set[int] = set()
        self._outage = database
        self._ask = ask

    def heard(self, charger_id: int) -> None:
        """Note a sign of life. It is stored later."""
        self._heard.add(charger_id)

    async def begin(self) -> None:
        """Take the first lease. Raise where the database is gone."""
        await self._renew()

    async def run(self) -> None:
        """Do each thing in its time, for ever. None waits for another: sweeping may wait for Redis."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._renew_s, self._renew))
            group.create_task(self._repeat(TOUCH_S, self._touch))
            group.create_task(self._repeat(SWEEP_S, self._sweep))
            group.create_task(self._repeat(FOLLOW_UP_S, self._follow_up))

    async def _repeat(self, every_s: float, task: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await task()
                self._outage.end()
            except DATABASE_GONE as error:
                self._outage.begin(error)
            except Exception:
                log.exception("Housekeeping failed")

    async def _renew(self) -> None:
        await self._in_thread(self._keeper.renew_lease, self._bridge_id, self._now())

    async def _sweep(self) -> None:
        await self._in_thread(self._keeper.sweep, self._now())

    async def _follow_up(self) -> None:
        for silent in await self._in_thread(self._keeper.follow_up, self._bridge_id, self._now()):
            self._ask(silent)

    async def end(self) -> None:
        """Store what was heard, and let the lease go. Raise where the database is gone."""
        await self._touch()
        await self._in_thread(self._keeper.end_lease, self._bridge_id, self._now())

    async def _touch(self) -> None:
        heard, self._heard = self._heard, set()
        try:
            while heard:
                some = sorted(islice(heard, MAX_AT_ONCE))
                await self._in_thread(self._keeper.touch, some, self._now())
                heard.difference_update(some)
        except DATABASE_GONE:
            self._heard |= heard
            raise
