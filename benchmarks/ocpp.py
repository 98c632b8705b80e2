"""`make bench PART=ocpp`: this bridge storing durably, beside peers that store nothing, with one generator in one run.

The server is pinned to one core and the generator to another; Valkey and PostgreSQL go where the kernel puts them. The
last line is one JSON object with every figure.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from polaris import keys, models
from polaris.config import Config
from polaris.models import Account, Charger, EvCard
from tests.bridge import foreign
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey
from tests.support.wait import eventually

SERVER_CORE, GENERATOR_CORE = 0, 1
CHARGERS = 200
MANY = 10_000
SECONDS = float(os.environ.get("SECONDS", "8"))
KEY = "0123456789abcdef"


@dataclass
class Cpu:
    """The CPU time, in seconds, of a process and its children."""

    pid: int

    def now(self) -> float:
        process = psutil.Process(self.pid)
        return sum(sum(p.cpu_times()[:2]) for p in [process, *process.children(recursive=True)])


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


def _raise_limit() -> None:
    """Ten thousand sockets on each side."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def generate(port: int, kind: str, *, chargers: int = CHARGERS, seconds: float = SECONDS, **options: Any) -> Any:
    load = {
        "port": port,
        "keys": [[f"bench-{n}", KEY] for n in range(chargers)],
        "kind": kind,
        "seconds": seconds,
        "core": GENERATOR_CORE,
    } | options
    command = [sys.executable, "-m", "benchmarks.generator"]
    done = subprocess.run(command, input=json.dumps(load), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def pinned(process: Process) -> None:
    """Pin a process and all its threads, present and to come, to the server's core."""
    for child in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        for thread in child.threads():
            os.sched_setaffinity(thread.id, {SERVER_CORE})


def measure(name: str, process: Process, port: int, kind: str, cpus: dict[str, Cpu], **options: Any) -> dict[str, Any]:
    pinned(process)
    before = {part: cpu.now() for part, cpu in cpus.items()}
    figures: dict[str, Any] = generate(port, kind, **options)
    spent = {part: cpu.now() - before[part] for part, cpu in cpus.items()}
    # The CPU was spent over the warm-up, too; calls are counted without it.
    share = options.get("seconds", SECONDS) + 1.0
    calls = max(1.0, figures["calls_per_s"] * share)
    figures["cpu_ms_per_1000"] = {part: round(seconds / calls * 1e6, 1) for part, seconds in spent.items()}
    print(f"{name:34} {kind:12} {figures['calls_per_s']:>9,.0f}/s  p50 {figures['p50_ms']:7.2f} ms  "
          f"p99 {figures['p99_ms']:7.2f} ms  generator {figures['generator_busy']:.0%} busy  "
          f"CPU ms/1000 {figures['cpu_ms_per_1000']}", flush=True)  # fmt: skip
    if figures["errors"]:
        raise SystemExit(f"{name}: {figures['errors']} calls were answered with an error")
    return figures


@contextmanager
def bridge(database_url: str, valkey: Valkey, directory: str, chargers: int) -> Iterator[tuple[Process, int]]:
    """A real bridge over a migrated database with its chargers and their cards."""
    settings = {
        "SECRET_KEY": "a-secret-key-only-for-a-benchmark-0123456789",
        "CHARGER_KEY_SECRETS": "1:a-charger-key-secret-only-for-a-benchmark",
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey.url,
        "HOST": "127.0.0.1",
        "OCPP_PORT": str(free_port()),
        "OCPP_HEALTH_PORT": str(free_port()),
        "FRAMES_DIR": str(Path(directory) / "frames"),
        "FRAMES_MB": os.environ.get("FRAMES_MB", "512"),
    }
    config = Config.from_env(settings)
    models.connect(database_url)
    models.migrate()
    _populate(config, chargers)
    models.close()
    if not config.is_sqlite:
        models.database.obj.close_all()
    processes = Processes(settings, Path(tempfile.mkdtemp(dir=directory)))
    process = processes.bridge()
    try:
        yield process, config.ocpp_port
    finally:
        processes.kill_all()


def _populate(config: Config, chargers: int) -> None:
    now = datetime.now(UTC)
    with models.database.atomic():
        account = Account.create(
            email="b@example.com", role="driver", status="active", password_hash="", created_at=now
        )
        for n in range(chargers):
            identity = f"bench-{n}"
            key_hash, version = keys.hashed(config.charger_key_secrets, identity, KEY.encode())
            Charger.create(identity=identity, name=identity, site=1, key_hash=key_hash, key_version=version)
            EvCard.create(account=account, id_tag=f"T{identity}".upper(), status="active", created_at=now)


def main() -> None:
    _raise_limit()
    report: dict[str, Any] = {"chargers": CHARGERS, "seconds": SECONDS, "cores": os.cpu_count()}
    directory = tempfile.mkdtemp(prefix="polaris-bench-")
    report["fdatasync_ms"] = fdatasync_ms(directory)
    print(f"fdatasync here: {report['fdatasync_ms']} ms. Server on core {SERVER_CORE}, generator on {GENERATOR_CORE}.")
    processes = Processes({"HOST": "127.0.0.1"}, Path(directory))
    valkey = Valkey()
    valkey.start()
    try:
        port = free_port()
        stock = processes.start("stock", [sys.executable, "-m", "benchmarks.stock_ocpp", str(port)])
        _wait(port)
        report["stock ocpp, storing nothing"] = {
            kind: measure(
                "stock ocpp, storing nothing", stock, port, kind, {"server": Cpu(stock.pid)}, transactions=False
            )
            for kind in ("MeterValues", "Heartbeat")
        }
        stock.kill()
        report["ocpp-rpc strict, storing nothing"] = _ocpp_rpc(processes)
        for name, url in (("SQLite", f"sqlite:///{directory}/bench.db"), ("PostgreSQL", "")):
            report[f"this bridge, {name}"] = _this_bridge(name, url, valkey, directory)
        report["10,000 chargers"] = _many(valkey, directory, report["fdatasync_ms"])
    finally:
        processes.kill_all()
        valkey.close()
    _ratios(report)
    print(json.dumps(report))


def _ocpp_rpc(processes: Processes) -> dict[str, Any] | str:
    port, node = free_port(), foreign.node()
    modules = str(foreign.HERE / "node_modules")
    server = processes.start("ocpp-rpc", [node, str(Path(__file__).parent / "ocpp_rpc_server.js"), str(port), modules])
    _wait(port)
    found = {
        kind: measure(
            "ocpp-rpc strict, storing nothing", server, port, kind, {"server": Cpu(server.pid)}, transactions=False
        )
        for kind in ("MeterValues", "Heartbeat")
    }
    server.kill()
    return found


def _this_bridge(name: str, url: str, valkey: Valkey, directory: str) -> dict[str, Any]:
    postgres = None if url else Postgres(is_durable=True)
    valkey_cpu = {"valkey": Cpu(valkey._server._process.pid)}
    try:
        with bridge(url or postgres.create_database(), valkey, directory, CHARGERS) as (process, port):
            cpus = {"bridge": Cpu(process.pid)} | valkey_cpu
            if postgres is not None:
                cpus["postgresql"] = Cpu(postgres._server.get_pid())
            rss = psutil.Process(process.pid).memory_info().rss
            found = {
                kind: measure(f"this bridge, {name}", process, port, kind, cpus)
                for kind in ("MeterValues", "Heartbeat")
            }
            found["rss_mb"] = round(rss / 1e6, 1)
            return found
    finally:
        if postgres is not None:
            postgres.close()


def _many(valkey: Valkey, directory: str, fdatasync: dict[str, float]) -> dict[str, Any]:
    """Ten thousand chargers: a message each per 10 s; and all of them coming back at once while others go on."""
    with bridge(f"sqlite:///{directory}/many.db", valkey, directory, MANY) as (process, port):
        empty = psutil.Process(process.pid).memory_info().rss
        cpus = {"bridge": Cpu(process.pid)}
        found = measure(
            "10,000 chargers, 1 per 10 s", process, port, "MeterValues", cpus, chargers=MANY, seconds=20.0, every_s=10.0
        )
        spent = found.pop("cpu_ms_per_1000")["bridge"] * found["calls_per_s"] / 1e6
        found |= {"core": round(spent, 3), "p99_allowed_ms": round(5 + 2 * fdatasync["p99"], 1)}
        found["kb_per_connection"] = round((_rss_with_connections(process, port) - empty) / MANY / 1000, 1)
        found["storm"] = _storm(process, port)
    print(
        f"  {found['core']:.0%} of a core, {found['kb_per_connection']} KB per connection; storm: {found['storm']}",
        flush=True,
    )
    return found


def _rss_with_connections(process: Process, port: int) -> int:
    """What the bridge holds while all are connected and have sent something."""
    load = {
        "port": port,
        "keys": [[f"bench-{n}", KEY] for n in range(MANY)],
        "kind": "Heartbeat",
        "seconds": 5.0,
        "every_s": 4.0,
    }
    command = [sys.executable, "-m", "benchmarks.generator"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
        assert generator.stdin
        generator.stdin.write(json.dumps(load))
        generator.stdin.close()
        most = 0
        while generator.poll() is None:
            most = max(most, psutil.Process(process.pid).memory_info().rss)
            time.sleep(0.2)
    return most


def _storm(process: Process, port: int) -> dict[str, Any]:
    """All but 200 connect and boot at once; the 200 send a Heartbeat each second meanwhile."""
    identities = [[f"bench-{n}", KEY] for n in range(MANY)]
    both = {"port": port, "core": GENERATOR_CORE}
    steady = both | {"keys": identities[:CHARGERS], "kind": "Heartbeat", "seconds": 20.0, "every_s": 1.0}
    rest = both | {"keys": identities[CHARGERS:], "kind": "BootNotification", "seconds": 0.0, "once": True}
    command = [sys.executable, "-m", "benchmarks.generator"]
    running = []
    for load in (steady, rest):
        generator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert generator.stdin
        generator.stdin.write(json.dumps(load))
        generator.stdin.close()
        running.append(generator)
        time.sleep(2.0)
    steady_out, rest_out = [json.loads(generator.stdout.read()) for generator in running if generator.stdout]
    return {
        "all_booted_s": rest_out["answered_s"],
        "others_p99_ms": steady_out["p99_ms"],
        "errors": steady_out["errors"],
    }


def _ratios(report: dict[str, Any]) -> None:
    stock = report["stock ocpp, storing nothing"]
    ratios = {}
    for name in ("this bridge, SQLite", "this bridge, PostgreSQL"):
        ratios[name] = round(report[name]["MeterValues"]["calls_per_s"] / stock["MeterValues"]["calls_per_s"], 2)
        print(f"{name}: {ratios[name]} × the stock loop, stored durably")
    rpc = report["ocpp-rpc strict, storing nothing"]["Heartbeat"]["calls_per_s"]
    ratios["Heartbeat / ocpp-rpc"] = round(report["this bridge, SQLite"]["Heartbeat"]["calls_per_s"] / rpc, 2)
    print(f"Heartbeat: {ratios['Heartbeat / ocpp-rpc']} × ocpp-rpc strict")
    report["ratios"] = ratios


def _wait(port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    eventually(is_open)


if __name__ == "__main__":
    main()
