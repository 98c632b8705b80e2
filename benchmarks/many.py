"""Ten thousand chargers: a message from each per 10 s, the memory of a connection, and all reconnecting at once.

A part of `benchmarks.ocpp`: `ONLY=many make bench PART=ocpp` runs it alone.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.support.machine import rss
from benchmarks.support.measuring import CHARGERS, SECONDS, Figures, begin, finish, measure
from benchmarks.support.servers import bridge
from tests.support.processes import Process
from tests.support.valkey import Valkey

MANY = 10_000
INTERVAL_S = 10.0
TARGET = {"core": 0.15, "kb_per_connection": 25.0, "all_booted_s": 15.0, "others_p99_ms": 1000.0}


def measure_many(valkey: Valkey, directory: str, fdatasync: dict[str, float]) -> Figures:
    """Measure a bridge on SQLite with ten thousand chargers."""
    with bridge(f"sqlite:///{directory}/many.db", valkey, directory, MANY) as (process, port):
        empty = rss(process)
        figures = measure(
            "10,000 chargers, 1 per 10 s",
            process,
            port,
            "MeterValues",
            {"bridge": process.pid, "valkey": valkey.pid},
            chargers=slice(MANY),
            seconds=max(SECONDS, 2 * INTERVAL_S),
            every_s=INTERVAL_S,
        )
        figures["core"] = round(figures["cpu_ms_per_1000"]["bridge"] * figures["calls_per_s"] / 1e6, 3)
        figures["p99_allowed_ms"] = round(5 + 2 * fdatasync["p99"], 1)
        figures["kb_per_connection"] = round((_rss_with_all(process, port) - empty) / MANY / 1000, 1)
        figures["storm"] = _storm(port)
    print(
        f"  {figures['core']:.0%} of a core (to reach: {TARGET['core']:.0%}), p99 {figures['p99_ms']} ms"
        f" (to reach: {figures['p99_allowed_ms']}), {figures['kb_per_connection']} KB a connection"
        f" (to reach: {TARGET['kb_per_connection']})\n  storm: {figures['storm']}",
        flush=True,
    )
    return figures


def _rss_with_all(process: Process, port: int) -> int:
    """Return the largest memory of the bridge while all chargers are connected and have sent a message."""
    with ThreadPoolExecutor(1) as thread:
        generator = begin(port, "Heartbeat", chargers=slice(MANY), seconds=4.0, every_s=4.0)
        finished = thread.submit(finish, generator)
        largest = 0
        while not finished.done():
            largest = max(largest, rss(process))
            time.sleep(0.1)
        finished.result()
    return largest


def _storm(port: int) -> Figures:
    """Connect and boot all but 200 at once, while the 200 send a Heartbeat each second."""
    steady = begin(port, "Heartbeat", seconds=20.0, every_s=1.0)
    assert steady.stdout is not None
    steady.stdout.readline()  # printed once all are connected
    rest = finish(begin(port, "BootNotification", chargers=slice(CHARGERS, MANY), once=True))
    others = finish(steady)
    return {
        "all_booted_s": rest["answered_s"],
        "others_p99_ms": others["p99_ms"],
        "others_unanswered": others["unanswered"],
    }
