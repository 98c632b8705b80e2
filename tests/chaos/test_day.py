"""Proof by a bad day: mishaps for minutes, beside 100 chargers and 200 browsers, after which nothing has grown.

What a process holds is compared between two quiet moments under load: one at the start, one at the end of the day.
"""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import peewee
import psutil
import pytest
import redis

from polaris import models
from polaris.models import database
from tests.chaos.audience import Audience, add_drivers
from tests.chaos.conftest import Asked
from tests.chaos.harness import Fleet, add_charger
from tests.support.depot import Depot, until
from tests.support.disks import FileLimit
from tests.support.outages import database_locked
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

CHARGERS, BROWSERS_EACH, PAUSE_S = 100, 2, 0.5
QUIET_S = 20.0  # long enough for caches to fill, and for what is left of a mishap to be let go
MAX_PAUSE_S = 8.0  # between two mishaps
GOES_ON_WITHIN_S = 60.0
MAX_MEMORY_GROWTH = 1.25
# Pools of threads fill up when they are first needed, and each thread of the web has a connection of two files.
MAX_MORE_FILES, MAX_MORE_THREADS, MAX_MORE_CLIENTS = 30, 10, 5
# What a day of charging brings more of. Of other tables there are a few rows for each charger and browser, and as many
# remembered answers as a charger may have.
HISTORY = {"chargingsession", "meterreading", "transactionevent", "sessionnote", "auditentry"}
MAX_OTHER_ROWS = 70 * CHARGERS

Mishap = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Held:
    """What a process and its children hold."""

    memory: int  # resident, in bytes
    files: int
    threads: int

    @classmethod
    def of(cls, process: Process) -> Held:
        parent = psutil.Process(process.pid)
        family = [parent, *parent.children(recursive=True)]
        return cls(
            sum(member.memory_info().rss for member in family),
            sum(member.num_fds() for member in family),
            sum(member.num_threads() for member in family),
        )

    def __str__(self) -> str:
        return f"{self.memory >> 20} MB, {self.files} files, {self.threads} threads"


async def test_nothing_grows(
    own_depot: Depot,
    processes: Processes,
    valkey: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
    asked: Asked,
    report: Callable[[str], None],
) -> None:
    rng = random.Random(f"{asked.seed} day")
    web, bridge = processes.web(HEARTBEAT_S="2"), processes.bridge()
    fleet = Fleet(add_charger(own_depot, rng, pause_s=PAUSE_S) for _ in range(CHARGERS))
    cookies = await asyncio.to_thread(add_drivers, own_depot.config, [charger.id_tag for charger in fleet.chargers])
    audience = Audience(own_depot.config.port, cookies * BROWSERS_EACH, reconnects=True)
    fleet.start()
    try:
        await audience.open()
        await asyncio.sleep(QUIET_S)
        morning, clients = {process: Held.of(process) for process in (web, bridge)}, _clients(valkey)
        count = await _spoil(
            _mishaps(web, bridge, valkey, tmp_path_factory.mktemp), fleet, asked.day_s - 2 * QUIET_S, rng
        )
        await until(lambda: audience.is_complete, timeout_s=GOES_ON_WITHIN_S)
        await asyncio.sleep(QUIET_S)
        assert audience.is_complete, audience.complaints
        evening, more_clients = {process: Held.of(process) for process in (web, bridge)}, _clients(valkey) - clients
        await fleet.end()
    finally:
        await audience.close()
        await fleet.kill()
    assert not fleet.disagreements()
    assert more_clients <= MAX_MORE_CLIENTS
    for process in (web, bridge):
        _has_not_grown(morning[process], evening[process])
        assert "Traceback" not in process.log_text(), process.log_text()
    assert not await asyncio.to_thread(_large_tables)
    report(
        f"a day of {asked.day_s:.0f} s: {count} mishaps, {fleet.visits} sessions, {audience.reopened} streams reopened"
    )
    for name, process in (("web", web), ("bridge", bridge)):
        report(f"a day: the {name} held {morning[process]}, then {evening[process]}")


def _mishaps(web: Process, bridge: Process, valkey: Valkey, make_directory: Callable[[str], Path]) -> list[Mishap]:
    """Return what may happen; each is over when it returns."""

    async def killed(victims: Iterable[Process | Valkey], pause_s: float) -> None:
        for victim in victims:
            await asyncio.to_thread(victim.kill)
        await asyncio.sleep(pause_s)
        for victim in victims:
            await asyncio.to_thread(victim.start)

    async def frozen(process: Process) -> None:
        process.signal(signal.SIGSTOP)
        await asyncio.sleep(3)
        process.signal(signal.SIGCONT)

    async def full_disk() -> None:
        disk = FileLimit(make_directory("disk") / "full")
        disk.fill(web, bridge)
        await asyncio.sleep(4)
        disk.empty()

    return [
        full_disk,
        lambda: killed([web], 0.5),
        lambda: killed([bridge], 0.5),
        lambda: killed([valkey], 0.5),
        lambda: killed([valkey], 6),
        lambda: killed([bridge, valkey], 1),
        lambda: frozen(web),
        lambda: frozen(bridge),
        lambda: asyncio.to_thread(_lock_database),
    ]


def _lock_database() -> None:
    with database.connection_context(), database_locked():
        threading.Event().wait(3)


async def _spoil(mishaps: list[Mishap], fleet: Fleet, seconds: float, rng: random.Random) -> int:
    """Let mishaps happen at random moments, each after every charger was answered again; return how many."""
    loop = asyncio.get_running_loop()
    count, until_s = 0, loop.time() + seconds
    while loop.time() < until_s:
        await rng.choice(mishaps)()
        count += 1
        await fleet.goes_on()
        await asyncio.sleep(rng.uniform(0, MAX_PAUSE_S))
    return count


def _has_not_grown(morning: Held, evening: Held) -> None:
    assert evening.memory <= morning.memory * MAX_MEMORY_GROWTH, (morning, evening)
    assert evening.files <= morning.files + MAX_MORE_FILES, (morning, evening)
    assert evening.threads <= morning.threads + MAX_MORE_THREADS, (morning, evening)


def _clients(valkey: Valkey) -> int:
    with redis.Redis.from_url(valkey.url) as client:
        return int(client.info("clients")["connected_clients"])


@models.blocking
def _large_tables() -> dict[str, int]:
    """Return the tables that no day of charging should fill, with their rows, where there are too many."""
    tables = {model: model.select().count() for model in peewee_models()}
    return {
        model.__name__: rows
        for model, rows in tables.items()
        if model.__name__.lower() not in HISTORY and rows > MAX_OTHER_ROWS
    }


def peewee_models() -> list[type[peewee.Model]]:
    return [model for model in vars(models).values() if isinstance(model, type) and issubclass(model, peewee.Model)]
