"""Periodic tasks of a bridge.

They renew its lease, apply the deadlines of requests, watch the limits of sessions, follow up silent sessions, rebuild
outdated ones and split ended ones by days, store chargers' last contact and refused handshakes, note for drivers that
chargers are offline, and forget acknowledgements of what has gone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import islice

from ocpp_bridge.clock import now
from ocpp_bridge.tasks import in_thread
from polaris import attention
from polaris.ingest import FollowUp, Ingest
from polaris.ingest.requests import PendingRequest
from polaris.ingest.session_limits import SessionLimits
from polaris.outage import DATABASE_GONE, Outage
from polaris.retention import Swept

FOLLOW_UP_INTERVAL_S = 2.0
SWEEP_INTERVAL_S = 1.0
TURN_INTERVAL_S = 1.0  # of commands to many chargers, whose pace is in domain/bulk.py
LIMIT_INTERVAL_S = 0.5  # so that a stop at a limit is sent within a second, although its notification was lost
REBUILD_INTERVAL_S = 1.0
DAYS_INTERVAL_S = 1.0  # after an upgrade, a million sessions take an hour or two, in which facts come first
TOUCH_INTERVAL_S = 10.0
REFUSED_HANDSHAKES_INTERVAL_S = 2.0
OFFLINE_INTERVAL_S = 30.0
FORGET_INTERVAL_S = 60.0
RETENTION_INTERVAL_S = 900.0  # an interrupted sweep goes on, however often the bridge is started anew
MAX_TOUCHED = 500  # chargers in one transaction; a longer one delays the facts that arrive meanwhile

log = logging.getLogger(__name__)


class PeriodicTasks:
    """The tasks: call `renew_lease`, `run` for ever, then `end`."""

    def __init__(
        self,
        ingest: Ingest,
        database: Outage,
        *,
        trigger_readings: Callable[[FollowUp], None],
        store_refused_handshakes: Callable[[], Awaitable[None]],
        send_bulk_turn: Callable[[datetime], int],
        limits: SessionLimits,
        send: Callable[[PendingRequest], None],
        bridge_id: str,
        lease_s: float,
        sweep_old: Callable[[Callable[[float], bool]], Swept | None],
    ) -> None:
        self._ingest = ingest
        self._bridge_id, self._renew_interval_s = bridge_id, lease_s / 3  # two renewals may fail
        self._active: set[int] = set()  # ids of chargers to touch
        self._outage = database
        self._trigger_readings = trigger_readings
        self._store_refused_handshakes = store_refused_handshakes
        self._sweep_old = sweep_old
        self._send_bulk_turn = send_bulk_turn
        self._limits, self._send = limits, send

    def on_activity(self, charger_id: int) -> None:
        """Note that a charger sent a message. It is stored later."""
        self._active.add(charger_id)

    async def renew_lease(self) -> None:
        """Take the lease, or renew it. Raise if the database is gone."""
        await in_thread(self._ingest.renew_lease, self._bridge_id, now())

    async def run(self) -> None:
        """Run each task at its interval, for ever, and concurrently: a sweep may wait for Redis."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._renew_interval_s, self.renew_lease))
            group.create_task(self._repeat(TOUCH_INTERVAL_S, self._touch))
            group.create_task(self._repeat(SWEEP_INTERVAL_S, self._sweep))
            group.create_task(self._repeat(TURN_INTERVAL_S, self._send_turn))
            group.create_task(self._repeat(LIMIT_INTERVAL_S, self._watch_limits))
            group.create_task(self._repeat(REBUILD_INTERVAL_S, self._rebuild))
            group.create_task(self._repeat(DAYS_INTERVAL_S, self._add_up_days))
            group.create_task(self._repeat(FOLLOW_UP_INTERVAL_S, self._follow_up))
            group.create_task(self._repeat(REFUSED_HANDSHAKES_INTERVAL_S, self._store_refused_handshakes))
            group.create_task(self._repeat(OFFLINE_INTERVAL_S, self._note_offline))
            group.create_task(self._repeat(FORGET_INTERVAL_S, self._forget_acknowledged))
            group.create_task(self._repeat(RETENTION_INTERVAL_S, self._delete_old))

    async def _repeat(self, interval_s: float, task: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await task()
                self._outage.end(has_stored=task == self.renew_lease)  # the others may only have read
            except DATABASE_GONE as error:
                self._outage.begin(error)
            except Exception:
                log.exception("A periodic task failed")

    async def _sweep(self) -> None:
        await in_thread(self._ingest.sweep, now())

    async def _send_turn(self) -> None:
        await in_thread(self._send_bulk_turn, now())

    async def _watch_limits(self) -> None:
        turn = await in_thread(self._limits.turn, self._bridge_id, now())
        for request in turn.stops:
            self._send(request)
        for session in turn.asks:
            self._trigger_readings(session)

    async def _rebuild(self) -> None:
        await in_thread(self._ingest.rebuild_outdated, now())

    async def _add_up_days(self) -> None:
        await in_thread(self._ingest.add_up_days, now())

    async def _follow_up(self) -> None:
        for session in await in_thread(self._ingest.follow_up, self._bridge_id, now()):
            self._trigger_readings(session)

    async def _note_offline(self) -> None:
        await in_thread(self._ingest.note_offline, now())

    async def _forget_acknowledged(self) -> None:
        await in_thread(attention.prune, now())

    async def _delete_old(self) -> None:
        """Sweep in a thread of its own, which may take hours; it stops with the bridge."""
        stopped = threading.Event()
        try:
            swept = await asyncio.to_thread(self._sweep_old, stopped.wait)
        finally:
            stopped.set()
        if swept is not None and swept.has_done_anything:
            log.info("%s", swept)

    async def end(self) -> None:
        """Store the last contacts, and end the lease. Raise if the database is gone."""
        await self._touch()
        await in_thread(self._ingest.end_lease, self._bridge_id, now())

    async def _touch(self) -> None:
        active, self._active = self._active, set()
        try:
            while active:
                batch = sorted(islice(active, MAX_TOUCHED))
                await in_thread(self._ingest.touch, batch, now())
                active.difference_update(batch)
        except DATABASE_GONE:
            self._active |= active
            raise
