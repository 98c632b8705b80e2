"""`make bench PART=latency`: from a charger's frame to the DOM in Chromium and to a thousand other browsers' sockets.

A thousand chargers report once a second, at intended instants from which all latencies count, through the real bridge,
database and Valkey to the real web. Nothing is pinned. There are two runs: each browser watches a session of its own,
and all watch the same one. The last line is one JSON object with every figure. CHARGERS is their number, SECONDS the
length of each run, DATABASES lists the databases (sqlite,postgresql).
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.support.browsers import Browsers, spread
from benchmarks.support.chromium import ChromiumPages
from benchmarks.support.machine import allow_many_files, cpu_s
from benchmarks.support.reporting import ReportingChargers
from benchmarks.support.settings import CHARGER_KEY
from benchmarks.support.world import World
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

SECONDS = float(os.environ.get("SECONDS", "20"))
DATABASES = os.environ.get("DATABASES", "sqlite,postgresql").split(",")
CHARGERS = int(os.environ.get("CHARGERS", "1000"))
INTERVAL_S = 1.0
STEP_S = INTERVAL_S / CHARGERS
WARM_UP_S = 3.0
DRAIN_S = 5.0
OPEN_BATCH = 200  # streams
IN_CHROMIUM = (CHARGERS // 2,)  # the driver whose session Chromium shows: each page takes a tenth of a core

OWN, ONE = "each browser its own session", "all browsers one session"


class Installation:
    """Every process that takes part, and its CPU time."""

    def __init__(self, directory: Path, valkey: Valkey, database_url: str) -> None:
        self.world = World(directory, valkey.url, CHARGERS, database_url)
        bridge = self.world.processes.bridge()
        self.web = self.world.processes.web()
        self.chargers = ReportingChargers(
            self.world.config.ocpp_port, [(f"bench-{n}", CHARGER_KEY) for n in range(CHARGERS)]
        )
        self.world.take_sessions()
        self._processes = {"bridge": bridge, "web": self.web}

    def cpu(self) -> dict[str, float]:
        return {name: cpu_s(process) for name, process in self._processes.items()}

    def close(self) -> None:
        self.chargers.close()
        self.world.close()


def run(
    installation: Installation,
    places: list[int],
    streams: list[tuple[str, str]],
    pages: ChromiumPages,
    watched: list[int],
) -> dict[str, Any]:
    """Run once: browser n watches the session at `places[n]`, page n of Chromium the one at `watched[n]`."""
    with closing(Browsers(None)) as browsers:
        for first in range(0, len(streams), OPEN_BATCH):
            browsers.open(installation.world.config.port, streams[first : first + OPEN_BATCH])
        bases = installation.world.revisions()
        total = int((WARM_UP_S + SECONDS) / STEP_S)
        began = time.perf_counter() + 0.5
        warm_at = began + WARM_UP_S
        cpu = installation.cpu()
        browsers.begin()
        schedule = {"began": began, "warm_at": warm_at, "every_s": INTERVAL_S, "step_s": STEP_S, "places": places,
                    "bases": bases}  # fmt: skip
        browsers.follow(schedule, began + total * STEP_S + DRAIN_S)
        reported = installation.chargers.report(began, STEP_S, total)
        spent = {name: round((now - cpu[name]) / (total * STEP_S), 2) for name, now in installation.cpu().items()}
        browsers.answer()
        figures = browsers.figures()
    in_chromium = _dom_latencies(pages, watched, bases, began, warm_at)
    expected = int(SECONDS) * len(places)
    return figures | reported | {
        "undelivered": expected - figures["deliveries"],
        "chromium_ms": spread(in_chromium),
        "chromium_events": len(in_chromium),
        "cores": spent,
    }  # fmt: skip


def _dom_latencies(
    pages: ChromiumPages, watched: list[int], bases: list[int], began: float, warm_at: float
) -> list[float]:
    """Return the time from each revision's intended instant to the DOM. A newer revision counts for any it overtook."""
    latencies = []
    for place, shown in zip(watched, pages.shown(), strict=True):
        last = bases[place]
        for revision, at in shown:
            for turn in range(last + 1, revision + 1):
                intended = began + place * STEP_S + (turn - bases[place] - 1) * INTERVAL_S
                if intended >= warm_at:
                    latencies.append(at - intended)
            last = max(last, revision)
    return latencies


def measure(database_url: str, directory: Path) -> dict[str, Any]:
    figures = {}
    with closing(Valkey()) as valkey, sync_playwright() as playwright:
        valkey.start()
        with closing(Installation(directory, valkey, database_url)) as installation:
            world = installation.world
            one = f"/live/sessions/{world.numbers[0]}"
            own = world.own_streams()
            for name, places, streams, watched in (
                (OWN, list(range(CHARGERS)), own, list(IN_CHROMIUM)),
                (ONE, [0] * CHARGERS, world.streams(one, CHARGERS), [0]),
            ):
                in_chromium = [own[place] for place in watched]
                with closing(ChromiumPages(playwright, installation.web.url, in_chromium)) as pages:
                    figures[name] = run(installation, places, streams, pages, watched)
                _show(name, figures[name])
    return figures


def _show(name: str, figures: dict[str, Any]) -> None:
    print(f"  {name}\n    to the sockets {figures['latency_ms']} ms, to the last {figures['last_browser_ms']} ms")
    print(f"    to the DOM {figures['chromium_ms']} ms ({figures['chromium_events']} events)")
    print(f"    frames sent late {figures['sent_late_ms']} ms, answered {figures['answered_ms']} ms")
    print(f"    {figures['undelivered']} undelivered, {figures['errors']} errors; cores: {figures['cores']}, "
          f"browsers {figures['generator_busy']}, chargers {figures['chargers_busy']}", flush=True)  # fmt: skip


def main() -> None:
    allow_many_files()
    report: dict[str, Any] = {"chargers": CHARGERS, "every_s": INTERVAL_S, "seconds": SECONDS, "cores": os.cpu_count()}
    for name in DATABASES:
        print(f"{name}, {CHARGERS} chargers, each a frame each {INTERVAL_S:g} s:", flush=True)
        directory = Path(tempfile.mkdtemp(prefix="polaris-latency-"))
        if name == "sqlite":
            report[name] = measure("", directory)
        else:
            with closing(Postgres(is_durable=True)) as postgres:
                report[name] = measure(postgres.create_database(), directory)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
