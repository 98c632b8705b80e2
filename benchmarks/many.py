"""Owns measuring ten thousand chargers: a message each per 10 s, what each holds, and all coming back at once."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from benchmarks.measuring import CHARGERS, SECONDS, Figures, begin, finish, measure
from benchmarks.servers import bridge
from tests.support.valkey import Valkey

MANY = 10_000
EVERY_S = 10.0
TARGET = {"core": 0.15, "kb_per_connection": 25.0, "all_booted_s": 15.0, "others_p99_ms": 1000.0}


def measure_many(valkey: Valkey, directory: str, fdatasync: dict[str, float]) -> Figures:
    """A bridge on SQLite with ten thousand chargers."""
    with bridge(f"sqlite:///{directory}/many.db", valkey, directory, MANY) as (process, port):
        empty = _rss(process.pid)
        found = measure(
            "10,000 chargers, 1 per 10 s",
            process,
            port,
            "MeterValues",
            {"bridge": process.pid, "valkey": valkey.pid},
            chargers=slice(MANY),
            seconds=max(SECONDS, 2 * EVERY_S),
            every_s=EVERY_S,
        )
        found["core"] = round(found["cpu_ms_per_1000"]["bridge"] * found["calls_per_s"] / 1e6, 3)
        found["p99_allowed_ms"] = round(5 + 2 * fdatasync["p99"], 1)
        found["kb_per_connection"] = round((_rss_with_all(process.pid, port) - empty) / MANY / 1000, 1)
        found["storm"] = _storm(port)
    print(
        f"  {found['core']:.0%} of a core (to reach: {TARGET['core']:.0%}), p99 {found['p99_ms']} ms"
        f" (to reach: {found['p99_allowed_ms']}), {found['kb_per_connection']} KB a connection"
        f" (to reach: {TARGET['kb_per_connection']})\n  storm: {found['storm']}",
        flush=True,
    )
    return found


def _rss(pid: int) -> int:
    rss: int = psutil.Process(pid).memory_info().rss
    return rss


def _rss_with_all(pid: int, port: int) -> int:
    """What the bridge holds while all are connected and have sent something."""
    with ThreadPoolExecutor(1) as thread:
        generator = begin(port, "Heartbeat", chargers=slice(MANY), seconds=4.0, every_s=4.0)
        waits = thread.submit(finish, generator)
        most = 0
        while not waits.done():
            most = max(most, _rss(pid))
            time.sleep(0.1)
        waits.result()
    return most


def _storm(port: int) -> Figures:
    """All but 200 connect and boot at once; the 200 send a Heartbeat each second meanwhile."""
    steady = begin(port, "Heartbeat", seconds=20.0, every_s=1.0)
    _until_connected(steady)
    rest = finish(begin(port, "BootNotification", chargers=slice(CHARGERS, MANY), once=True))
    others = finish(steady)
    return {
        "all_booted_s": rest["answered_s"],
        "others_p99_ms": others["p99_ms"],
        "others_unanswered": others["unanswered"],
    }


def _until_connected(generator: subprocess.Popen[str]) -> None:
    """The generator says so with its first line."""
    assert generator.stdout is not None
    generator.stdout.readline()
