"""The measurement of one OCPP server: it is pinned, the generator runs against it, and a row is printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.support.machine import GENERATOR_CORE, pin
from benchmarks.support.settings import CHARGER_KEY
from tests.support.processes import Process

CHARGERS = 200
SECONDS = float(os.environ.get("SECONDS", "8"))
SUBPROTOCOLS = {"TransactionEvent": "ocpp2.0.1"}  # by Action; any other is sent as OCPP 1.6

Figures = dict[str, Any]


def fdatasync_ms(directory: str, count: int = 300) -> dict[str, float]:
    """Measure one small durable write, the lower bound of what storing a message can take."""
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


def begin(port: int, kind: str, *, chargers: slice = slice(CHARGERS), **options: Any) -> subprocess.Popen[str]:
    """Start the generator, with the options of `generator.Load`; `finish` waits for its figures."""
    load = {
        "port": port,
        "keys": [[f"bench-{n}", CHARGER_KEY] for n in range(chargers.start or 0, chargers.stop)],
        "kind": kind,
        "subprotocol": SUBPROTOCOLS.get(kind, "ocpp1.6"),
        "seconds": SECONDS,
        "core": GENERATOR_CORE,
    }
    command = [sys.executable, "-m", "benchmarks.support.generator"]
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
    """Measure and print one row: an Action against a server; `watched` are the processes whose CPU counts, by name."""
    pin(server)
    figures = finish(begin(port, kind, watched=watched, **options))
    print(
        f"{name:34} {kind:16} {figures['calls_per_s']:>8,.0f}/s  p50 {figures['p50_ms']:7.2f} ms  "
        f"p99 {figures['p99_ms']:7.2f} ms  generator {figures['generator_busy']:.0%} busy  "
        f"CPU ms/1000 {figures['cpu_ms_per_1000']}",
        flush=True,
    )
    return figures
