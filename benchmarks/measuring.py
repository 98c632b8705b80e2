"""Owns measuring one server: where it is pinned, the generator's run against it, and the row that is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from tests.support.processes import Process

SERVER_CORE, GENERATOR_CORE = 0, 1
CHARGERS = 200
SECONDS = float(os.environ.get("SECONDS", "8"))
KEY = "0123456789abcdef"
SUBPROTOCOLS = {"TransactionEvent": "ocpp2.0.1"}  # of a kind of message; 1.6 of the others

Figures = dict[str, Any]


def fdatasync_ms(directory: str, count: int = 300) -> dict[str, float]:
    """What the disk itself takes for one small durable write."""
    times = []
    with open(Path(directory) / "fdatasync", "wb") as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50": round(times[count // 2], 3), "p99": round(times[int(count * 0.99)], 3)}


def pin(process: Process) -> None:
    """Pin a process and all its threads, present and to come, to the server's core."""
    for child in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        for thread in child.threads():
            os.sched_setaffinity(thread.id, {SERVER_CORE})


def begin(port: int, kind: str, *, chargers: slice = slice(CHARGERS), **options: Any) -> subprocess.Popen[str]:
    """Start the generator; `finish` waits for its figures. `options` are those of `generator.Load`."""
    load = {
        "port": port,
        "keys": [[f"bench-{n}", KEY] for n in range(chargers.start or 0, chargers.stop)],
        "kind": kind,
        "subprotocol": SUBPROTOCOLS.get(kind, "ocpp1.6"),
        "seconds": SECONDS,
        "core": GENERATOR_CORE,
    }
    command = [sys.executable, "-m", "benchmarks.generator"]
    generator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert generator.stdin is not None
    generator.stdin.write(json.dumps(load | options))
    generator.stdin.close()
    generator.stdin = None
    return generator


def finish(generator: subprocess.Popen[str]) -> Figures:
    output, _ = generator.communicate()
    if generator.returncode:
        raise SystemExit("the generator failed")
    figures: Figures = json.loads(output.splitlines()[-1])
    if figures["errors"]:
        raise SystemExit(f"{figures['errors']} calls were answered with an error")
    return figures


def measure(name: str, server: Process, port: int, kind: str, watched: dict[str, int], **options: Any) -> Figures:
    """One row: a kind of message against a server; `watched` are the processes whose CPU counts, by name."""
    pin(server)
    figures = finish(begin(port, kind, watched=watched, **options))
    print(
        f"{name:34} {kind:16} {figures['calls_per_s']:>8,.0f}/s  p50 {figures['p50_ms']:7.2f} ms  "
        f"p99 {figures['p99_ms']:7.2f} ms  generator {figures['generator_busy']:.0%} busy  "
        f"CPU ms/1000 {figures['cpu_ms_per_1000']}",
        flush=True,
    )
    return figures
