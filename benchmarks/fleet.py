"""`make bench PART=fleet`: the fleet page with ten thousand connectors, while a thousand things a second change.

The served web process (one worker), SQLite, Valkey, ten operators with different filters, two of them in Chromium. The
changes are readings of running sessions, stored through `Ingest` as a bridge stores them. Measured: the CPU time of a
first page, the bytes sent to each operator, the CPU time of the web process, and tasks that block the browser's main
thread for 50 ms. The last line is one JSON object with every figure. SECONDS is the length of the run (15), RATE the
number of changes (1000/s).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

from flask.testing import FlaskClient
from playwright.sync_api import Page, sync_playwright

from benchmarks.support.machine import cpu_s
from benchmarks.support.settings import settings
from polaris import create_app, models
from polaris.config import Config
from polaris.domain.enums import Role
from polaris.domain.facts import SessionMetered
from polaris.domain.metering import Reading
from polaris.ingest import Ingest
from polaris.models import Bridge, Charger, ChargingSession, Connector, database
from polaris.pubsub import Publisher
from tests.support import cast, chromium, forms
from tests.support.cast import Person
from tests.support.processes import Process, Processes
from tests.support.valkey import Valkey

CHARGERS, CONNECTORS = 5_000, 2
RATE = int(os.environ.get("RATE", "1000"))
SECONDS = float(os.environ.get("SECONDS", "15"))
WARM_UP_S = 5
PAGES = ("", "?state=Charging&order=power")  # in Chromium: the one with the fewest changes, and the one with the most
FILTERS = (
    *PAGES,
    "?connectivity=offline",
    "?text=depot",
    "?order=name",
    "?state=Faulted",
    "?text=%2312",
    "?state=session&order=name&page=30",
    "?order=contact",
    "?state=Charging&text=harbour",
)
WATCH = """() => {
  window.long = [];
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.long.push(Math.round(entry.duration))))
    .observe({entryTypes: ["longtask"]});
}"""


def main() -> None:
    directory = Path(tempfile.mkdtemp())
    with closing(Valkey()) as valkey:
        valkey.start()
        environment = settings(directory, f"sqlite:///{directory}/fleet.db", valkey.url)
        app = create_app(Config.from_env(environment))
        models.migrate()
        olga = fill()
        report: dict[str, object] = {"first_page_cpu_ms": first_page(app.test_client(), olga)}
        web = Processes(environment, directory).web()  # ends with this process
        report |= watched(web, olga, environment)
        web.kill()
    print(json.dumps(report))


def fill() -> Person:
    """Add five thousand chargers: a third of the connectors charge, some are faulted, some chargers offline."""
    chance, now = random.Random(1), datetime.now(UTC)
    with database.connection_context(), database.atomic():
        Bridge.create(id="bridge", started_at=now, lease_until_at=now + timedelta(hours=9))
        for number in range(1, CHARGERS + 1):
            is_online = chance.random() > 0.02
            charger = Charger.create(
                identity=f"site-{number:05}",
                name=f"{chance.choice(['Depot', 'Harbour Street', 'Park & Ride', 'Station'])} {number}",
                site=1,
                key_hash="",
                key_version=1,
                bridge="bridge" if is_online else None,
                connection_id=str(number) if is_online else None,
                last_contact_at=now - timedelta(seconds=chance.randrange(60 if is_online else 90_000)),
            )
            for connector in range(1, CONNECTORS + 1):
                fill_connector(charger, connector, chance, now)
    return cast.add_person("olga@example.com", role=Role.OPERATOR)


def fill_connector(charger: Charger, number: int, chance: random.Random, now: datetime) -> None:
    drawn = chance.random()
    status = "Charging" if drawn < 0.33 else "Faulted" if drawn < 0.34 else "Available"
    code = "GroundFailure" if status == "Faulted" else "NoError"
    Connector.create(charger=charger, number=number, status=status, error_code=code, changed_at=now)
    for place in range(3):  # two that have ended and, if the connector charges, one that runs
        ended_at = None if place == 2 else now - timedelta(hours=1 + place)
        if ended_at is None and status != "Charging":
            continue
        ChargingSession.create(
            charger=charger,
            site=charger.site_id,
            connector=number,
            id_tag="CARD",
            authorization="Accepted",
            start_key=f"{number}|{place}",
            state="completed" if ended_at else "active",
            connector_status="Charging",
            started_at=now - timedelta(hours=3 - place),
            ended_at=ended_at,
            start_received_at=now,
            meter_start_wh=0,
            base_wh=0,
            energy_wh=chance.randrange(40_000),
            power_w=None if ended_at else chance.randrange(2_000, 150_000),
            last_heard_at=now,
        )


def first_page(client: FlaskClient, olga: Person) -> dict[str, int]:
    """Measure the CPU time of a request for the page in this process: the least and the median of 15."""
    forms.sign_in(client, olga)
    times_ms = []
    for _ in range(15):
        began = time.process_time()
        answer = client.get("/fleet")
        times_ms.append(round(1000 * (time.process_time() - began)))
        assert answer.status_code == 200
    figures = {"least": min(times_ms), "median": sorted(times_ms)[len(times_ms) // 2]}
    print(f"first page of {CHARGERS * CONNECTORS} connectors: {figures['least']} ms of CPU, {figures['median']} median")
    return figures


def watched(web: Process, olga: Person, settings: dict[str, str]) -> dict[str, object]:
    """Measure what ten operators receive, and the CPU time it takes, while sessions change."""
    with sync_playwright() as playwright, changing(settings):
        browser = chromium.launch(playwright)
        context = browser.new_context(base_url=web.url)
        pages = {query: open_page(context.new_page(), query, olga) for query in PAGES}
        cookie = "; ".join(f"{item['name']}={item['value']}" for item in context.cookies())
        received = {query: follow(web.url, query, cookie) for query in FILTERS}
        time.sleep(WARM_UP_S)
        for page in pages.values():
            page.evaluate("window.long = []")
        bytes_before, cpu_before, began = {q: n[0] for q, n in received.items()}, cpu_s(web), time.monotonic()
        time.sleep(SECONDS)
        took_s = time.monotonic() - began
        kilobytes = {q: round((n[0] - bytes_before[q]) / took_s / 1000, 1) for q, n in received.items()}
        cpu_percent = round(100 * (cpu_s(web) - cpu_before) / took_s)
        tasks = {query: page.evaluate("window.long") for query, page in pages.items()}
        browser.close()
    for query, kb in kilobytes.items():
        print(f"{kb:6.1f} KB/s  /fleet{query}")
    print(f"the web process works {cpu_percent} % of a core; long tasks in Chromium (ms): {tasks}")
    return {"rate": RATE, "kilobytes_per_s": kilobytes, "web_cpu_percent": cpu_percent, "long_tasks_ms": tasks}


def open_page(page: Page, query: str, olga: Person) -> Page:
    page.set_default_timeout(60_000)
    page.goto(f"/fleet{query}")
    if "/sign-in" in page.url:
        page.get_by_label("E-mail").fill(olga.email)
        page.get_by_label("Password", exact=True).fill(olga.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/fleet**")
    page.wait_for_selector("#stream[data-status=live]", state="attached")
    page.evaluate(WATCH)
    return page


def follow(url: str, query: str, cookie: str) -> list[int]:
    """Read a stream in a thread; the returned list holds the count of its bytes."""
    received = [0]

    def read() -> None:
        connection = HTTPConnection(url.removeprefix("http://"))
        connection.request("GET", f"/live/fleet{query}", headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        while chunk := answer.read1(65_536):
            received[0] += len(chunk)

    threading.Thread(target=read, daemon=True).start()
    return received


@contextmanager
def changing(settings: dict[str, str]) -> Iterator[None]:
    """Run `change` in a process of its own."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.fleet", "change"], env=os.environ | settings)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def change() -> None:
    """Store RATE readings a second, open loop, until ended."""
    config = Config.from_env()
    models.connect(config.database_url)
    ingest = Ingest(config, Publisher(config.redis_url))
    with database.connection_context():
        running = list(ChargingSession.select().where(ChargingSession.state == "active"))
    random.shuffle(running)
    chance, began, sent = random.Random(2), time.monotonic(), 0
    while True:
        batch: dict[int, SessionMetered] = {}
        for _ in range(min(200, int((time.monotonic() - began) * RATE) - sent)):
            session = running[sent % len(running)]
            sent += 1
            session.energy_wh = (session.energy_wh or 0) + chance.randrange(5, 40)
            batch[session.charger_id] = reading(session, chance.randrange(2_000, 150_000))
        if batch:
            ingest.store(list(batch.values()), datetime.now(UTC))
        time.sleep(0.01)


def reading(session: ChargingSession, power_w: int) -> SessionMetered:
    now = datetime.now(UTC)
    metered = Reading(now, register_wh=session.energy_wh, power_w=power_w)
    return SessionMetered(
        charger_id=session.charger_id,
        received_at=now,
        connector=session.connector,
        number=session.number,
        readings=(metered,),
    )


if __name__ == "__main__":
    change() if sys.argv[1:] == ["change"] else main()
