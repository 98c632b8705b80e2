"""Who else wants to write gets its turn while the bridge stores without end: a stop request cannot wait for a storm."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fcntl import LOCK_EX, flock
from logging import getLogger
from pathlib import Path

import pytest

from ocpp_bridge.writer import Writer
from polaris import models
from polaris.domain.facts import Fact, SessionStarted
from polaris.ingest import Ingest, Outcome
from polaris.models import Site
from polaris.outage import Outage
from polaris.pubsub import Publisher
from tests.support.depot import Depot, row, until
from tests.support.processes import ROOT

pytestmark = pytest.mark.both_databases

FLOODING = 150  # chargers: more than a batch holds
WRITES = 8
MAX_BATCHES = 100  # that go before it: one or two once it waits, and without end where the lock is not fair

ANOTHER = """
import sys
from datetime import UTC, datetime
from polaris import models
from polaris.pubsub import Publisher
from polaris.config import Config
from polaris.ingest import Ingest

config = Config.from_env()
models.connect(config.database_url)
ingest = Ingest(config, Publisher(config.redis_url))
for _ in sys.stdin:
    ingest.renew_lease("another", datetime.now(UTC))
    print("written", flush=True)
"""


async def test_write_gets_turn_during_storm(own_depot: Depot, settings: dict[str, str]) -> None:
    """The other is a process, as the web is: in this one it would wait for Python's lock as well."""
    publisher = Publisher(own_depot.config.redis_url)
    ingest = Ingest(own_depot.config, publisher)
    batches = [0]

    def store(facts: Sequence[Fact], at: datetime) -> list[Outcome]:
        batches[0] += 1
        return ingest.store(facts, at)

    writer = Writer(store, Outage(getLogger(__name__), "The database"))
    with models.database.atomic():
        charger_ids = [row(own_depot.identity()).id for _ in range(FLOODING)]
    another = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ANOTHER, stdin=PIPE, stdout=PIPE, cwd=ROOT, env=settings
    )
    await _write(another, batches)
    stored = [0]
    running = [asyncio.create_task(writer.run())]
    running += [asyncio.create_task(_flood(writer, charger_id, stored)) for charger_id in charger_ids]
    writes = 0
    while writes < WRITES or stored[0] <= FLOODING:
        await asyncio.sleep(0.05)
        await _write(another, batches)
        writes += 1
    for task in running:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*running)
    publisher.close()
    another.stdin.close()
    assert await another.wait() == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_stalled_turn_holder_delays_briefly(database: None) -> None:
    path = models.database.obj.database
    with Path(f"{path}-turn").open("a") as turn:  # as any other process
        flock(turn, LOCK_EX)
        with models.database.atomic():
            Site.create(name="Elsewhere")
    assert Site.get_or_none(name="Elsewhere") is not None


async def _write(another: asyncio.subprocess.Process, batches: list[int]) -> None:
    """Let the other write, and see that it gets its turn."""
    before = batches[0]
    another.stdin.write(b"\n")
    writing = asyncio.create_task(another.stdout.readline())
    await until(lambda: writing.done() or batches[0] - before > MAX_BATCHES, timeout_s=100)
    assert writing.done(), f"{batches[0] - before} batches went before it"
    assert writing.result() == b"written\n"


async def _flood(writer: Writer, charger_id: int, stored: list[int]) -> None:
    """A charger that begins one session after the other."""
    at = datetime.now(UTC)
    while True:
        at += timedelta(milliseconds=1)
        await writer.store(
            SessionStarted(
                charger_id=charger_id, received_at=at, connector=1, id_tag="CARD", at=at, meter_start_wh=0, raw={}
            )
        )
        stored[0] += 1
