"""`make bench PART=push`: this hub beside stock flask-sse and nginx with nchan, with one generator in one run.

One worker on one core; the browsers, the publisher and Valkey on the other. Closed loop: the next event is published
when all browsers have the previous one. The peers send a finished fragment of 633 bytes, and so does a loop of bare
writes, the lower bound on this machine. This hub's cycle is complete: a reading is stored durably, announced, read and
rendered. The last line is one JSON object with every figure. BROWSERS is their number (1000,5000), SECONDS the length
of each measurement.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import redis

from benchmarks.support.browsers import Browsers, spread
from benchmarks.support.json_process import Unfinished
from benchmarks.support.machine import GENERATOR_CORE, SERVER_CORE, allow_many_files, cpu_s, pin, rss
from benchmarks.support.push_peers import FRAGMENT_BYTES, Bare, Nchan, Peer, StockSse, is_nchan_here
from benchmarks.support.world import World
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

SECONDS = float(os.environ.get("SECONDS", "6"))
BROWSERS = [int(count) for count in os.environ.get("BROWSERS", "1000,5000").split(",")]
FEW = 100  # browsers before the memory of the rest is counted
OPEN_BATCH = 200  # streams
WARM_UP = 2  # events
PER_SECOND = 1000  # readings in the open loop
WARM_UP_S = 2.0
DRAIN_S = 5.0

BARE, STOCK, NCHAN = "a loop of bare writes", "stock flask-sse", "nginx with nchan"
ABSENT = "not installed: apt-get install nginx libnginx-mod-nchan"
ROW, PAGE, OWN = "this hub, a row for all", "this hub, a page for all", "this hub, each its own page"


class PolarisWeb(Peer):
    """The web as the Procfile starts it. An event is a reading, stored through `polaris.ingest`."""

    def __init__(self, world: World, streams: list[tuple[str, str]], drivers: int) -> None:
        self.world = world
        self.process = world.processes.web()
        self._streams = streams
        self._drivers = range(drivers)
        self._base = world.revisions()[0]

    def open(self, browsers: Browsers, first: int, count: int) -> None:
        browsers.open(self.world.config.port, self._streams[first : first + count])

    def marker(self, number: int) -> str:
        return f'data-revision="{self._base + number}"'

    def publish(self, number: int) -> None:
        self.world.meter(self._drivers)


class Rounds:
    """Events in a closed loop, numbered from 1, and the times of their parts."""

    def __init__(self, peer: Peer, browsers: Browsers) -> None:
        self._peer, self._browsers = peer, browsers
        self._number = 0
        self.begin()

    def begin(self) -> None:
        self.before: list[float] = []
        self.first: list[float] = []
        self.fan_out: list[float] = []

    def run(self, until: Callable[[], bool]) -> None:
        while not until():
            self._number += 1
            since = time.perf_counter()
            self._browsers.expect(self._peer.marker(self._number), since)
            self._peer.publish(self._number)
            published = time.perf_counter()
            first, last = self._browsers.collect()
            self.before.append(published - since if isinstance(self._peer, PolarisWeb) else 0.0)
            self.first.append(first - since)
            self.fan_out.append(last - first)

    def cycle_ms(self) -> dict[str, float]:
        """Return the means: until stored (this hub only), until the first browser, and from the first to the last."""
        parts = {"stored": self.before, "first browser": self.first, "first to last": self.fan_out}
        return {name: round(sum(times) / len(times) * 1000, 2) for name, times in parts.items()}


class CostMeter:
    """The CPU time of a server during a measurement."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._before = cpu_s(process)

    def figures(self, deliveries: int, seconds: float) -> dict[str, float]:
        spent = cpu_s(self._process) - self._before
        return {
            "cpu_us_per_delivery": round(spent / max(1, deliveries) * 1e6, 2),
            "server_busy": round(spent / seconds, 2),
        }


def measure(name: str, peer: Peer, count: int, valkey: Valkey) -> dict[str, Any]:
    """Run the closed loop and, if each browser has its own page, the open loop."""
    pin(peer.process)
    with closing(Browsers(GENERATOR_CORE)) as browsers:
        rounds = Rounds(peer, browsers)
        figures: dict[str, Any] = {"browsers": count} | _held(peer, browsers, rounds, count, valkey)
        pin(peer.process)
        figures |= _closed_loop(peer, browsers, rounds, count)
        _show(name, figures)
        if name == OWN:
            assert isinstance(peer, PolarisWeb)
            figures["open loop"] = _open_loop(peer, browsers, count)
            _show(f"{name}, {PER_SECOND}/s", figures["open loop"] | {"browsers": count})
    return figures


def _held(peer: Peer, browsers: Browsers, rounds: Rounds, count: int, valkey: Valkey) -> dict[str, Any]:
    """Open all streams; return the memory and the Redis connections they take."""
    with closing(redis.Redis.from_url(valkey.url)) as client:
        before = len(client.client_list())  # those of this process
        peer.open(browsers, 0, FEW)
        rounds.run(_times(WARM_UP))
        few = rss(peer.process)
        for first in range(FEW, count, OPEN_BATCH):
            peer.open(browsers, first, min(OPEN_BATCH, count - first))
        rounds.run(_times(WARM_UP))
        return {
            "rss_kb_per_browser": round((rss(peer.process) - few) / (count - FEW) / 1000, 1),
            "redis_connections": len(client.client_list()) - before,
        }


def _closed_loop(peer: Peer, browsers: Browsers, rounds: Rounds, count: int) -> dict[str, Any]:
    rounds.begin()
    browsers.begin()
    meter, began = CostMeter(peer.process), time.perf_counter()
    rounds.run(lambda: time.perf_counter() - began >= SECONDS)
    seconds = time.perf_counter() - began
    totals = browsers.figures()
    del totals["last_browser_ms"], totals["pushes"]
    events = len(rounds.first)
    return totals | meter.figures(totals["deliveries"], seconds) | {
        "events": events,
        "deliveries_per_s": round(totals["deliveries"] / seconds),
        "deliveries_per_s_once_announced": round(totals["deliveries"] / (seconds - sum(rounds.before))),
        "deliveries_per_s_while_sending": round(events * (count - 1) / sum(rounds.fan_out)),
        "bytes_per_delivery": round(totals["bytes"] / totals["deliveries"]),
        "mb_per_s": round(totals["bytes"] / seconds / 1e6, 1),
        "cycle_ms": rounds.cycle_ms(),
    }  # fmt: skip


def _open_loop(hub: PolarisWeb, browsers: Browsers, count: int) -> dict[str, Any]:
    """Store a thousand readings a second, evenly over the sessions; latency counts from the intended instant."""
    step = 1 / PER_SECOND
    total = int((WARM_UP_S + SECONDS) * PER_SECOND)
    began = time.perf_counter() + 0.1
    schedule = {"began": began, "warm_at": began + WARM_UP_S, "every_s": count * step, "step_s": step,
                "places": list(range(count)), "bases": hub.world.revisions()}  # fmt: skip
    browsers.begin()
    meter = CostMeter(hub.process)
    browsers.follow(schedule, began + total * step + DRAIN_S)
    late = _send(hub.world, began, step, total, count)
    sent_s = time.perf_counter() - began
    busy = meter.figures(total, sent_s)["server_busy"]
    browsers.answer()
    totals = browsers.figures()
    costs = meter.figures(totals["pushes"], sent_s) | {"server_busy": busy}
    del totals["last_browser_ms"]
    expected = total - int(WARM_UP_S * PER_SECOND)
    return totals | costs | {
        "events_per_s": round(total / sent_s),
        "undelivered": expected - totals["deliveries"],
        "stored_ms": spread(late[-expected:]),
    }  # fmt: skip


def _send(world: World, began: float, step: float, total: int, count: int) -> list[float]:
    """Store each reading at its intended instant; return how late each was stored."""
    late: list[float] = []
    while len(late) < total:
        sent = len(late)
        due = min(total, int((time.perf_counter() - began) / step), sent + count)
        if due <= sent:
            time.sleep(step)
            continue
        world.meter([place % count for place in range(sent, due)])
        now = time.perf_counter()
        late += [now - (began + place * step) for place in range(sent, due)]
    return late


def _times(count: int) -> Callable[[], bool]:
    left = iter(range(count))
    return lambda: next(left, None) is None


def _show(name: str, figures: dict[str, Any]) -> None:
    speed = figures.get("deliveries_per_s", figures.get("events_per_s"))
    memory = f"{figures['rss_kb_per_browser']} KB a browser, " if "rss_kb_per_browser" in figures else ""
    connections = f"{figures['redis_connections']} Redis connections, " if "redis_connections" in figures else ""
    print(f"{name:34} {figures['browsers']:>5} browsers {speed:>9,}/s  {figures['latency_ms']} ms  "
          f"{figures['cpu_us_per_delivery']} µs CPU, {memory}{connections}"
          f"server {figures['server_busy']:.0%} busy, generator {figures['generator_busy']:.0%}  "
          f"{figures.get('cycle_ms', '')}", flush=True)  # fmt: skip


@contextmanager
def _hub(name: str, count: int, directory: Path, valkey: Valkey) -> Iterator[PolarisWeb]:
    with closing(World(directory, valkey.url, count if name == OWN else 1)) as world:
        world.begin_sessions()
        path = "/live/sessions" if name == ROW else f"/live/sessions/{world.numbers[0]}"
        yield PolarisWeb(world, world.own_streams() if name == OWN else world.streams(path, count), len(world.numbers))


@contextmanager
def _peer(name: str, count: int, directory: Path, valkey: Valkey) -> Iterator[Peer]:
    processes = Processes({}, directory)
    start: dict[str, Callable[[], Peer]] = {
        BARE: lambda: Bare(processes),
        STOCK: lambda: StockSse(processes, valkey),
        NCHAN: lambda: Nchan(processes, directory),
    }
    try:
        yield start[name]()
    finally:
        processes.kill_all()


def row(name: str, count: int, directory: Path) -> dict[str, Any] | str:
    """Measure one row, with a Valkey of its own, so that its connections can be counted."""
    if name == NCHAN and not is_nchan_here():
        print(f"{name:34} {ABSENT}", flush=True)
        return ABSENT
    serve = _peer if name in (BARE, STOCK, NCHAN) else _hub
    with closing(Valkey()) as valkey:
        valkey.start()
        try:
            with serve(name, count, directory, valkey) as peer:
                return measure(name, peer, count, valkey)
        except Unfinished as error:
            print(f"{name:34} {count:>5} browsers: {error}", flush=True)
            return str(error)


def ratios(rows: dict[str, Any]) -> dict[str, float]:
    """Compare this hub's row for all with its peers': the whole cycle, without storing, and from first to last."""
    names = {"whole": "deliveries_per_s", "announced": "deliveries_per_s_once_announced",
             "sending": "deliveries_per_s_while_sending"}  # fmt: skip
    if not isinstance(rows[ROW], dict):
        return {}
    peers = [peer for peer in (STOCK, NCHAN) if isinstance(rows[peer], dict)]
    return {
        f"{peer}, {name}": round(rows[ROW][speed] / rows[peer][speed], 2)
        for name, speed in names.items()
        for peer in peers
    }


def main() -> None:
    allow_many_files()
    os.sched_setaffinity(0, {GENERATOR_CORE})
    directory = Path(tempfile.mkdtemp(prefix="polaris-push-"))
    print(f"Server on core {SERVER_CORE}, browsers, publisher and Valkey on {GENERATOR_CORE}. "
          f"The peers send {FRAGMENT_BYTES} bytes.")  # fmt: skip
    report: dict[str, Any] = {"seconds": SECONDS, "cores": os.cpu_count(), "peer_fragment_bytes": FRAGMENT_BYTES}
    for count in BROWSERS:
        rows = {name: row(name, count, directory) for name in (BARE, STOCK, NCHAN, ROW, PAGE, OWN)}
        report[str(count)] = rows | {"ratios": ratios(rows)}
        print(f"{count} browsers, a row for all against the peers: {report[str(count)]['ratios']}", flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
