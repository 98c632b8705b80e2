"""Proof by killing: 200 chargers under load while the bridge, Valkey and PostgreSQL die at random moments.

A kill is a SIGKILL: no process gets to say or to write anything more. What a power cut does beside it is in
`test_durability`. The pauses are random moments, not hopes: what must have happened is waited for.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from polaris import models
from tests.chaos.conftest import Asked
from tests.chaos.harness import Fleet, add_charger
from tests.support.depot import Depot
from tests.support.postgres import Postgres
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

pytestmark = pytest.mark.both_databases

CHARGERS = 200
PAUSE_S = 0.3  # between two messages of a charger
PAIRS = 0.2  # of the kills take two at once


@dataclass(frozen=True)
class Victim:
    """Something that can be killed and comes back. Of two, that with the lower order dies last and comes back first."""

    name: str
    order: int
    kill: Callable[[], None]
    revive: Callable[[], None]


async def test_no_answered_message_lost(
    request: pytest.FixtureRequest,
    own_depot: Depot,
    processes: Processes,
    valkey: Valkey,
    asked: Asked,
    report: Callable[[str], None],
) -> None:
    database = "SQLite" if own_depot.config.is_sqlite else "PostgreSQL"
    rng = random.Random(f"{asked.seed} {database}")
    bridge = processes.bridge()
    victims = [Victim("Valkey", 2, valkey.kill, valkey.start), Victim("bridge", 3, bridge.kill, bridge.start)]
    if not own_depot.config.is_sqlite:
        victims += _postgres(request.getfixturevalue("postgres_server"), own_depot.config.database_url, rng)
    fleet = Fleet(add_charger(own_depot, rng, pause_s=PAUSE_S) for _ in range(CHARGERS))
    fleet.start()
    try:
        killed = await _kill(victims, (asked.kills + 1) // 2, rng, fleet, bridge)
        await fleet.end()
    finally:
        await fleet.kill()
    assert await asyncio.to_thread(bridge.stop) == 0
    if not own_depot.config.is_sqlite:
        models.database.obj.close_all()  # this process's own connections were killed too
    assert not (found := fleet.disagreements()), "\n".join([f"{len(found)} disagreements", *found[:10]])
    assert "Traceback" not in bridge.log_text()
    counts = ", ".join(f"{name} {count}" for name, count in sorted(killed.items()))
    report(
        f"{database}: {killed.total()} kills ({counts}); {fleet.answered} messages answered, {fleet.sent_again} said "
        f"again, {fleet.visits} sessions: each stored once, every total exact"
    )


async def _kill(victims: list[Victim], kills: int, rng: random.Random, fleet: Fleet, bridge: Process) -> Counter[str]:
    """Kill at random moments, each time after charging has gone on by itself."""
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        await fleet.goes_on(bridge)
        await asyncio.sleep(rng.uniform(0, 1.5))
        chosen = sorted(rng.sample(victims, 2 if rng.random() < PAIRS else 1), key=lambda one: one.order)
        for victim in reversed(chosen):
            await asyncio.to_thread(victim.kill)
            killed[victim.name] += 1
        await asyncio.sleep(rng.uniform(0, 1))
        for victim in chosen:
            await asyncio.to_thread(victim.revive)
    await fleet.goes_on(bridge)
    return killed


def _postgres(server: Postgres, url: str, rng: random.Random) -> list[Victim]:
    return [
        Victim("PostgreSQL", 0, server.kill, server.start),
        Victim("a PostgreSQL backend", 1, partial(server.kill_backend, url, rng), server.wait_until_up),
    ]
