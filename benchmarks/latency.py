"""`make bench PART=latency`: from a charger's frame to the DOM in Chromium and to a thousand other browsers' sockets.

A thousand chargers report once a second, at intended instants from which all latencies count, through the real bridge,
database and Valkey to the real web. Nothing is pinned. Once each browser watches its own session, and once all watch
one. The last line is one JSON object with every figure. SECONDS says how long each run takes, DATABASES which are used
(sqlite,postgresql).
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.browsers import Browsers, spread
from benchmarks.chromium import Pages
from benchmarks.machine import allow_many_files, cpu_s
from benchmarks.reporting import Chargers
from benchmarks.world import KEY, World
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

SECONDS = float(os.environ.get("SECONDS", "20"))
DATABASES = os.environ.get("DATABASES", "sqlite,postgresql").split(",")
CHARGERS = 1000
EVERY_S = 1.0
STEP_S = EVERY_S / CHARGERS
WARM_UP_S = 3.0
DRAIN_S = 5.0
OPENED_AT_ONCE = 200
IN_CHROMIUM = (0, 250, 500, 750)  # the places of the sessions that it watches

OWN, ONE = "each browser its own session", "all browsers one session"


class Town:
    """Every process that takes part, and what each of them costs."""

    def __init__(self, directory: Path, valkey: Valkey, database_url: str) -> None:
        self.world = World(directory, valkey.url, CHARGERS, database_url)
        bridge = self.world.processes.bridge()
        self.web = self.world.web()
        self.chargers = Chargers(self.world.config.ocpp_port, [(f"bench-{n}", KEY) for n in range(CHARGERS)])
        self.world.take_sessions()
        self._processes = {"bridge": bridge, "web": self.web}

    def cpu(self) -> dict[str, float]:
        return {name: cpu_s(process) for name, process in self._processes.items()}

    def close(self) -> None:
        self.chargers.close()
        self.world.close()


def run(
    town: Town, places: list[int], streams: list[tuple[str, str]], pages: Pages, watched: list[int]
) -> dict[str, Any]:
    """One run: browser n watches the session at `places[n]`, page n of Chromium that at `watched[n]`."""
    with closing(Browsers(None)) as browsers:
        for first in range(0, len(streams), OPENED_AT_ONCE):
            browsers.open(town.world.port, streams[first : first + OPENED_AT_ONCE])
        bases = town.world.revisions()
        total = int((WARM_UP_S + SECONDS) / STEP_S)
        began = time.perf_counter() + 0.5
        warm_at = began + WARM_UP_S
        cpu = town.cpu()
        browsers.begin()
        schedule = {"began": began, "warm_at": warm_at, "every_s": EVERY_S, "step_s": STEP_S, "places": places,
                    "bases": bases}  # fmt: skip
        browsers.follow(schedule, began + total * STEP_S + DRAIN_S)
        reported = town.chargers.report(began, STEP_S, total)
        spent = {name: round((now - cpu[name]) / (total * STEP_S), 2) for name, now in town.cpu().items()}
        browsers.followed()
        found = browsers.figures()
    in_chromium = _in_chromium(pages, watched, bases, began, warm_at)
    expected = int(SECONDS) * len(places)
    return found | reported | {
        "undelivered": expected - found["deliveries"],
        "chromium_ms": spread(in_chromium),
        "chromium_events": len(in_chromium),
        "cores": spent,
    }  # fmt: skip


def _in_chromium(pages: Pages, watched: list[int], bases: list[int], began: float, warm_at: float) -> list[float]:
    """How long after its intended instant each revision was in the DOM. A newer one stands for those it overtook."""
    latencies = []
    for place, shown in zip(watched, pages.shown(), strict=True):
        last = bases[place]
        for revision, at in shown:
            for each in range(last + 1, revision + 1):
                intended = began + place * STEP_S + (each - bases[place] - 1) * EVERY_S
                if intended >= warm_at:
                    latencies.append(at - intended)
            last = max(last, revision)
    return latencies


def measure(database_url: str, directory: Path) -> dict[str, Any]:
    valkey = Valkey()
    valkey.start()
    found = {}
    try:
        with closing(Town(directory, valkey, database_url)) as town, sync_playwright() as playwright:
            world = town.world
            one = f"/live/sessions/{world.numbers[0]}"
            own = world.own_streams()
            for name, places, streams, watched in (
                (OWN, list(range(CHARGERS)), own, list(IN_CHROMIUM)),
                (ONE, [0] * CHARGERS, world.streams(one, CHARGERS), [0]),
            ):
                with closing(Pages(playwright, town.web.url, [own[place] for place in watched])) as pages:
                    found[name] = run(town, places, streams, pages, watched)
                _show(name, found[name])
    finally:
        valkey.close()
    return found


def _show(name: str, found: dict[str, Any]) -> None:
    print(f"  {name}\n    to the browsers' sockets {found['latency_ms']} ms, to the last {found['last_browser_ms']} ms")
    print(f"    to the DOM {found['chromium_ms']} ms ({found['chromium_events']} events)")
    print(f"    frames sent late {found['sent_late_ms']} ms, answered {found['answered_ms']} ms")
    print(f"    {found['undelivered']} undelivered, {found['errors']} errors; cores: {found['cores']}, "
          f"browsers {found['generator_busy']}, chargers {found['chargers_busy']}", flush=True)  # fmt: skip


@contextmanager
def _database(name: str) -> Iterator[str]:
    """The URL of a durable database; "" for the embedded one."""
    if name == "sqlite":
        yield ""
        return
    postgres = Postgres(is_durable=True)
    try:
        yield postgres.create_database()
    finally:
        postgres.close()


def main() -> None:
    allow_many_files()
    report: dict[str, Any] = {"chargers": CHARGERS, "every_s": EVERY_S, "seconds": SECONDS, "cores": os.cpu_count()}
    for name in DATABASES:
        print(f"{name}, {CHARGERS} chargers, each a frame each {EVERY_S:g} s:", flush=True)
        with _database(name) as url:
            report[name] = measure(url, Path(tempfile.mkdtemp(prefix="polaris-latency-")))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
