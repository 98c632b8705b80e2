"""`make bench PART=ocpp`: this bridge storing durably, beside peers that store nothing, with one generator in one run.

The server is pinned to one core and the generator to another; Valkey and PostgreSQL go where the kernel puts them. The
last line is one JSON object with every figure. SECONDS is the length of each row, FRAMES_MB=0 turns the log of frames
off, and ONLY=sqlite,many runs only these parts (stock, rpc, sqlite, postgresql, many).
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import AbstractContextManager, closing

from benchmarks.many import measure_many
from benchmarks.support import servers
from benchmarks.support.machine import GENERATOR_CORE, SERVER_CORE, allow_many_files
from benchmarks.support.measuring import CHARGERS, SECONDS, Figures, fdatasync_ms, measure
from tests.support.postgres import Postgres
from tests.support.processes import Process
from tests.support.valkey import Valkey

STOCK, RPC = "stock ocpp, storing nothing", "ocpp-rpc strict, storing nothing"
SQLITE, POSTGRESQL = "this bridge, SQLite", "this bridge, PostgreSQL"
RATIOS = [  # of calls/s: the Action, the two servers compared, and the target
    ("MeterValues", SQLITE, STOCK, 12.0),
    ("MeterValues", POSTGRESQL, STOCK, 12.0),
    ("TransactionEvent", SQLITE, STOCK, 15.0),
    ("TransactionEvent", POSTGRESQL, STOCK, 15.0),
    ("Heartbeat", SQLITE, RPC, 1.0),
]
PARTS = os.environ.get("ONLY", "stock,rpc,sqlite,postgresql,many").split(",")


def main() -> None:
    allow_many_files()
    directory = tempfile.mkdtemp(prefix="polaris-bench-")
    report: Figures = {
        "chargers": CHARGERS,
        "seconds": SECONDS,
        "cores": os.cpu_count(),
        "pinned": {"server": SERVER_CORE, "generator": GENERATOR_CORE},
        "fdatasync_ms": fdatasync_ms(directory),
    }
    print(f"fdatasync here: {report['fdatasync_ms']} ms. Server on core {SERVER_CORE}, generator on {GENERATOR_CORE}.")
    with closing(Valkey()) as valkey:
        valkey.start()
        _measure_all(report, valkey, directory)
    report["ratios"] = _ratios(report)
    print(json.dumps(report))


def _measure_all(report: Figures, valkey: Valkey, directory: str) -> None:
    if "stock" in PARTS:
        kinds = ["MeterValues", "Heartbeat", "TransactionEvent"]
        report[STOCK] = _peer(STOCK, servers.stock(directory), kinds)
    if "rpc" in PARTS:
        try:
            report[RPC] = _peer(RPC, servers.ocpp_rpc(directory), ["MeterValues", "Heartbeat"])
        except AssertionError as error:
            report[RPC] = str(error)
            print(f"{RPC}: {error}")
    if "sqlite" in PARTS:
        report[SQLITE] = _this_bridge(SQLITE, f"sqlite:///{directory}/bench.db", valkey, directory, {})
    if "postgresql" in PARTS:
        with closing(Postgres(is_durable=True)) as postgres:
            url, watched = postgres.create_database(), {"postgresql": postgres.pid}
            report[POSTGRESQL] = _this_bridge(POSTGRESQL, url, valkey, directory, watched)
    if "many" in PARTS:
        report["10,000 chargers"] = measure_many(valkey, directory, report["fdatasync_ms"])


def _peer(name: str, starting: AbstractContextManager[tuple[Process, int]], kinds: list[str]) -> Figures:
    with starting as (process, port):
        watched = {"server": process.pid}
        return {kind: measure(name, process, port, kind, watched, transactions=False) for kind in kinds}


def _this_bridge(name: str, url: str, valkey: Valkey, directory: str, watched: dict[str, int]) -> Figures:
    with servers.bridge(url, valkey, directory, CHARGERS) as (process, port):
        watched = {"bridge": process.pid, "valkey": valkey.pid} | watched
        kinds = ["MeterValues", "TransactionEvent", "Heartbeat"]
        return {kind: measure(name, process, port, kind, watched) for kind in kinds}


def _ratios(report: Figures) -> dict[str, dict[str, float]]:
    """Compare calls/s, and the CPU time of a call, which stays the same while others use the machine."""
    ratios = {}
    for kind, ours, theirs, wanted in RATIOS:
        if isinstance(report.get(ours), dict) and isinstance(report.get(theirs), dict):
            bridge, peer = report[ours][kind], report[theirs][kind]
            calls = round(bridge["calls_per_s"] / max(1.0, peer["calls_per_s"]), 2)
            cpu = round(peer["cpu_ms_per_1000"]["server"] / bridge["cpu_ms_per_1000"]["bridge"], 2)
            ratios[f"{kind}: {ours} / {theirs}"] = {"calls": calls, "cpu": cpu, "wanted": wanted}
            print(f"{kind}: {ours} is at {calls} × {theirs}, by CPU at {cpu} × (to reach: {wanted})")
    return ratios


if __name__ == "__main__":
    main()
