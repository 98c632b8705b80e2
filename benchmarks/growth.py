"""`make bench PART=growth`: the time to store a reading while the tables grow from 10³ to 10⁶ readings.

One process, no bridge: `Ingest.store` in batches of 100, as the writer stores them, on SQLite and on PostgreSQL.
The last line is one JSON object with every figure.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.support.settings import settings
from polaris import models
from polaris.config import Config
from polaris.domain.facts import SessionMetered, SessionStarted
from polaris.domain.metering import Reading
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest import Ingest, Started
from polaris.ingest.facts import meter_rows
from polaris.models import Charger, ChargingSession, database
from polaris.pubsub import Publisher
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

BATCH = 100
BATCHES = 100
STEPS = (1_000, 10_000, 100_000, 1_000_000)
PER_SESSION = 500
NOW = datetime.now(UTC)


def main() -> None:
    with closing(Valkey()) as valkey, closing(Postgres(is_durable=True)) as postgres:
        valkey.start()
        urls = {"SQLite": f"sqlite:///{tempfile.mkdtemp()}/growth.db", "PostgreSQL": postgres.create_database()}
        report = {name: grow(name, url, valkey.url) for name, url in urls.items()}
    print(json.dumps(report))


def grow(name: str, url: str, redis_url: str) -> dict[str, dict[str, float]]:
    config = Config.from_env(settings(Path(tempfile.mkdtemp()), url, redis_url))
    models.connect(url)
    models.migrate()
    publisher = Publisher(redis_url)
    ingest = Ingest(config, publisher)
    numbers = begin(ingest)
    figures, stored, second = {}, 0, 1
    for step in STEPS:
        fill(step - stored, numbers[0])
        stored = step
        cpu, began = time.process_time(), time.perf_counter()
        for _ in range(BATCHES):
            ingest.store(batch(numbers, second), NOW)
            second += 1
        facts = BATCH * BATCHES
        figures[f"{step:,}"] = {
            "cpu_us": round((time.process_time() - cpu) / facts * 1e6, 1),
            "wall_us": round((time.perf_counter() - began) / facts * 1e6, 1),
        }
        print(f"{name:11} {step:>9,} readings: {figures[f'{step:,}']}", flush=True)
    publisher.close()
    models.close()
    if not config.is_sqlite:
        database.obj.close_all()
    return figures


def begin(ingest: Ingest) -> list[int]:
    """Add a hundred chargers, each with a running session; return the sessions' numbers."""
    with database.connection_context(), database.atomic():
        ids = [Charger.create(identity=f"c-{n}", name="", site=1, key_hash="", key_version=1).id for n in range(BATCH)]
    started = [
        ingest.store(
            [SessionStarted(charger_id=i, received_at=NOW, connector=1, id_tag="", at=NOW, meter_start_wh=0)], NOW
        )[0]
        for i in ids
    ]
    return [outcome.number for outcome in started if isinstance(outcome, Started)]


def batch(numbers: list[int], second: int) -> list[SessionMetered]:
    at = NOW + timedelta(seconds=second)
    return [
        SessionMetered(
            charger_id=index + 1,
            received_at=at,
            connector=1,
            number=number,
            readings=(Reading(at, register_wh=10 * second, power_w=22_000, soc_percent=50),),
        )
        for index, number in enumerate(numbers)
    ]


def fill(count: int, like: int) -> None:
    """Insert readings of finished sessions directly into the tables."""
    with database.connection_context():
        template = dict(ChargingSession.get_by_id(like).__data__)
        template.pop("number")
        for session in range(count // PER_SESSION):
            with database.atomic():
                values = template | {"state": "completed", "start_key": f"filled-{count}-{session}"}
                number = ChargingSession.create(**values).number
                readings = [Reading(NOW + timedelta(seconds=n), register_wh=n) for n in range(PER_SESSION)]
                rows = [ReadingRow(reading, NOW, reading.register_wh) for reading in readings]
                meter_rows.store(meter_rows.values(number, row) for row in rows)


if __name__ == "__main__":
    main()
