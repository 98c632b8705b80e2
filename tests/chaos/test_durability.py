"""What a power cut would do: the settings on the connections that write, and the order of what reaches the kernel.

A kill leaves the page cache standing, so killing proves nothing about it. With strace the order is seen: the
write-ahead log is written, fdatasync returns, and only then the answer goes out on the charger's socket.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from logging import getLogger
from pathlib import Path
from typing import Any

import pytest

from ocpp_bridge.writer import Writer
from polaris import models
from polaris.domain.facts import Fact, SessionStarted
from polaris.ingest import Ingest, Started
from polaris.outage import Outage
from polaris.pubsub import Publisher
from simulator.charger import Transaction, samples
from tests.support.depot import Depot, row, until
from tests.support.processes import Processes
from tests.support.wait import WITHIN_S, eventually

pytestmark = pytest.mark.both_databases

MESSAGES = 20
CALLS = "fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg"
LINE = re.compile(r"^(?P<pid>\d+) +(?P<rest>.*)$")
RESUMED = re.compile(r"^<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
WAL = re.compile(r"\d+<[^>]*(?:polaris\.db-wal|/pg_wal/[0-9A-F]{24})>")

with_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


async def test_writer_commits_durably(own_depot: Depot) -> None:
    seen: list[dict[str, object]] = []
    publisher = Publisher(own_depot.config.redis_url)
    ingest = Ingest(own_depot.config, publisher)

    def store(batch: Sequence[Fact], now: datetime) -> list[Started | None]:
        outcomes = ingest.store(batch, now)
        seen.append(models.blocking(_durability)(is_sqlite=own_depot.config.is_sqlite))
        return outcomes

    writer = Writer(store, Outage(getLogger(__name__), "The database"))
    running = asyncio.create_task(writer.run())
    now = datetime.now(UTC)
    charger_id = row(own_depot.identity()).id
    fact = SessionStarted(charger_id=charger_id, received_at=now, connector=1, id_tag="A", at=now, meter_start_wh=0)
    assert await writer.store(fact) is not None
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    publisher.close()
    full = 2
    sqlite = {"journal_mode": "wal", "synchronous": full}
    postgresql = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
    assert seen == [sqlite if own_depot.config.is_sqlite else postgresql]


@with_strace
async def test_log_on_disk_before_answer(
    request: pytest.FixtureRequest, own_depot: Depot, processes: Processes, tmp_path: Path
) -> None:
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        pids = [bridge.pid]
        if not own_depot.config.is_sqlite:
            pids += request.getfixturevalue("postgres_server").backends(own_depot.config.database_url)
        trace = tmp_path / "trace"
        with _traced(pids, trace):
            for number in range(MESSAGES):
                message_id = f"durable-{number}-"
                assert (
                    await charger.connection.call("MeterValues", _meter_values(transaction, number), message_id) == {}
                )
            last_answer = f"durable-{MESSAGES - 1}-"
            await until(lambda: last_answer in trace.read_text())
    steps = list(_steps(trace.read_text()))
    answered = [number for number, (step, _) in enumerate(steps) if step == "answer"]
    assert [steps[number][1] for number in answered] == [f"durable-{number}-" for number in range(MESSAGES)]
    before = 0
    for number in answered:
        names = [step for step, _ in steps[before:number]]
        assert "wal written" in names, names
        assert "wal synced" in names[names.index("wal written") :], names
        before = number + 1


def _durability(*, is_sqlite: bool) -> dict[str, object]:
    if is_sqlite:
        return {name: _ask(f"PRAGMA {name}") for name in ("journal_mode", "synchronous")}
    return {name: _ask(f"SHOW {name}") for name in ("synchronous_commit", "fsync", "full_page_writes")}


def _ask(sql: str) -> Any:
    return models.database.execute_sql(sql).fetchone()[0]


def _meter_values(transaction: Transaction, number: int) -> dict[str, object]:
    at = datetime.now(UTC).isoformat()
    value = {"timestamp": at, "sampledValue": samples(100 * (number + 1), None, None, "Sample.Periodic")}
    return {"connectorId": 1, "transactionId": transaction.id, "meterValue": [value]}


@contextmanager
def _traced(pids: Sequence[int], trace: Path) -> Iterator[None]:
    """Write down what these processes ask of the kernel, in the order in which it happens."""
    command = ["strace", "-f", "-y", "-s", "200", "-e", f"trace={CALLS}", "-o", str(trace)]
    for pid in pids:
        command += ["-p", str(pid)]
    log = trace.with_suffix(".log")
    with log.open("wb") as stderr, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr) as strace:
        try:
            eventually(lambda: all(f"Process {pid} attached" in log.read_text() for pid in pids))
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(WITHIN_S)


def _steps(trace: str) -> Iterator[tuple[str, str]]:
    """The steps that matter: the log written, synced (fdatasync has returned), and an answer begun, with its id."""
    unfinished: dict[str, str] = {}
    for line in trace.splitlines():
        matched = LINE.match(line)
        if matched is None:
            continue
        pid, rest = matched["pid"], matched["rest"]
        resumed = RESUMED.match(rest)
        call = unfinished.pop(pid, "") + resumed["rest"] if resumed else rest
        if call.endswith("<unfinished ...>"):
            unfinished[pid] = call.removesuffix("<unfinished ...>")
        is_begun, is_done = not resumed, not call.endswith("<unfinished ...>")
        if is_begun and (answer := re.search(r'\[3,\\"(durable-\d+-)\\"', call)):
            yield "answer", answer[1]
        elif is_done and WAL.search(call.split(",")[0]):
            yield ("wal synced" if call.startswith(("fdatasync(", "fsync(")) else "wal written"), call
