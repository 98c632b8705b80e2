"""Rechecks of the chargers that are connected: who was blocked, or has to be admitted anew, is let go.

A notification asks for one at once; since it can be lost, there is one every few seconds, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from ocpp_bridge.connection.connection import Connection
from ocpp_bridge.tasks import in_thread
from polaris.outage import DATABASE_GONE

INTERVAL_S = 5.0
MIN_INTERVAL_S = 1.0  # without it, a flood of notifications would be one of queries

log = logging.getLogger(__name__)


class Rechecks:
    """The rechecks of a process: `run` for ever; `admissions` are read in a thread."""

    def __init__(
        self, admissions: Callable[[], Mapping[int, int]], connections: Callable[[], Collection[Connection]]
    ) -> None:
        self._admissions, self._connections = admissions, connections
        self._wake = asyncio.Event()

    def soon(self) -> None:
        """Ask for a recheck."""
        self._wake.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._recheck()
            except DATABASE_GONE:  # the next one is soon; others tell of the outage
                pass
            except Exception:
                log.exception("A recheck of the connected chargers failed")
            await asyncio.sleep(MIN_INTERVAL_S)

    async def _recheck(self) -> None:
        present = await in_thread(self._admissions)
        outdated = [
            connection
            for connection in self._connections()
            if present.get(connection.charger.charger_id, connection.charger.admission) != connection.charger.admission
        ]
        for connection in outdated:
            log.info("%s: let go, since its admission has changed", connection.charger.identity)
        await asyncio.gather(*(connection.let_go() for connection in outdated))
