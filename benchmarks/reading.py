"""`make bench PART=reading`: what a reading costs on an open page, in CPU time and in bytes, without network or peers.

One process, no hub: a batch of sessions gets a reading each, and what each of the hub's workers does for it is done
here: read the batch, render it, compare it with what was shown, encode it. CPU time is of this thread, so that other
work on the machine matters little. READINGS lists how many each session has before (20 fill the timeline), EVERY_S is
the time between two of them, DATABASES lists the databases. The last line is one JSON object with every figure.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks.support.world import World
from polaris import create_app, models
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.viewer import Viewer
from polaris.pubsub import GROWN, SESSION_CHANGED, PubSubMessage
from polaris.push import sse
from polaris.push.subscribers import Audience, Subscription
from polaris.push.topic import WHOLE, RenderSettings
from polaris.rendering import translations
from polaris.web.sessions.topic import SessionTopic
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

DATABASES = os.environ.get("DATABASES", "sqlite,postgresql").split(",")
READINGS = [int(count) for count in os.environ.get("READINGS", "20,400,2000").split(",")]
EVERY_S = float(os.environ.get("EVERY_S", "1"))
SESSIONS = 25  # a whole batch of the hub
ROUNDS = int(os.environ.get("ROUNDS", "40"))
DRIVER = Viewer(Role.DRIVER, AccountStatus.ACTIVE)
GREW = frozenset({SessionTopic(0).changes(PubSubMessage(SESSION_CHANGED, {"session": 1, GROWN: 1})) or WHOLE})
SETTINGS = RenderSettings("", timedelta(seconds=150))


class Cost:
    """CPU time by part of the work, and bytes by fragment."""

    def __init__(self) -> None:
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self.sizes: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._since = time.thread_time()

    def begin(self) -> None:
        self._since = time.thread_time()

    def lap(self, part: str) -> None:
        now = time.thread_time()
        self.spent_s[part] += now - self._since
        self._since = now

    def figures(self, readings: int) -> dict[str, Any]:
        cpu_us = {part: round(spent / readings * 1e6, 1) for part, spent in self.spent_s.items()}
        return {
            "cpu_us": cpu_us | {"page": round(sum(cpu_us.values()) - cpu_us["stored"], 1)},
            "bytes": {noun: round(size / readings) for noun, size in self.sizes.items()},
            "sent": {noun: round(count / readings, 2) for noun, count in self.sent.items()},
        }


class Pages:
    """A page of each session, open in a browser of its own."""

    def __init__(self, world: World) -> None:
        self.topics = [SessionTopic(number) for number in world.numbers]
        self.audiences = [Audience(Subscription(n, topic), DRIVER) for n, topic in enumerate(self.topics)]

    def push(self, now: datetime, cost: Cost) -> None:
        """Do what the hub does for a batch of changed sessions."""
        states = SessionTopic.read_many(self.topics, [GREW] * len(self.topics), now, SETTINGS)
        cost.lap("read")
        for topic, audience, state in zip(self.topics, self.audiences, states, strict=True):
            fragments = {**topic.common(state), **topic.per_viewer(state, DRIVER, SETTINGS)}
            changed = audience.show(fragments, is_whole=state.is_whole, is_news=state.is_news)
            cost.lap("rendered")
            event = sse.in_place(audience.subscription.number, changed)
            cost.lap("encoded")
            for root_id, html in changed.items():
                noun = root_id.rpartition("-")[2]
                cost.sizes[noun] += len(html.encode())
                cost.sent[noun] += 1
            cost.sizes["event"] += len(event)
            cost.begin()


def run(app: Flask, world: World, readings: int) -> dict[str, Any]:
    """Measure the readings that come after the first so many, which are stored before."""
    pages, began = Pages(world), datetime.now(UTC) - timedelta(hours=1)
    for turn in range(readings):
        world.meter(range(SESSIONS), at=began + timedelta(seconds=turn * EVERY_S))
    cost = Cost()
    with app.test_request_context(), translations.in_language("en"):
        pages.push(began + timedelta(seconds=readings * EVERY_S), Cost())
        for turn in range(readings, readings + ROUNDS):
            at = began + timedelta(seconds=turn * EVERY_S)
            cost.begin()
            world.meter(range(SESSIONS), at=at)
            cost.lap("stored")
            with models.database.connection_context():
                pages.push(at, cost)
    return cost.figures(ROUNDS * SESSIONS)


def measure(name: str, new_url: Callable[[], str], redis_url: str) -> dict[str, Any]:
    figures = {}
    for readings in READINGS:
        directory = Path(tempfile.mkdtemp(prefix="polaris-reading-"))
        with closing(World(directory, redis_url, SESSIONS, new_url())) as world:
            world.start_sessions(datetime.now(UTC) - timedelta(hours=1))
            figures[f"{readings}"] = run(create_app(world.config), world, readings)
        print(f"  {name}, after {readings} readings: {figures[f'{readings}']}", flush=True)
    return figures


def main() -> None:
    report: dict[str, Any] = {"every_s": EVERY_S}
    with closing(Valkey()) as valkey:
        valkey.start()
        for name in DATABASES:
            if name == "sqlite":
                report[name] = measure(name, str, valkey.url)
            else:
                with closing(Postgres(is_durable=True)) as postgres:
                    report[name] = measure(name, postgres.create_database, valkey.url)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
