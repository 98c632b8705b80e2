"""`make bench PART=retention`: the sweep of a million old sessions, beside a writer, on both databases.

All sessions ended before the bound; one in LARGE_EVERY has readings to thin. A writer stores readings of running
sessions all the while, as the bridge does, in the sweep's own process: its latency with the sweep is given as a ratio
to its latency without, in turns of the same run. SESSIONS=10000 makes it small. The last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.growth import batch, begin
from benchmarks.support.settings import settings
from polaris import models, retention
from polaris.config import Config
from polaris.ingest import Ingest
from polaris.models import ChargingSession, database, to_microseconds
from polaris.pubsub import Publisher
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

SESSIONS = int(os.environ.get("SESSIONS", "1000000"))
LARGE_EVERY = 1000  # one session in so many has more readings than its curve shows
LARGE, SMALL = 720, 2  # readings
SECONDS = float(os.environ.get("SECONDS", "60"))  # of sweeping, and as many without
ROUND_S = 10.0  # with and without take turns, since other work on the machine comes and goes
WRITE_INTERVAL_S = 0.02
CHUNK = 50_000  # sessions in a statement
NOW = datetime.now(UTC)
ENDED_AT = NOW - timedelta(days=400)


def main() -> None:
    with closing(Valkey()) as valkey, closing(Postgres(is_durable=True)) as postgres:
        valkey.start()
        urls = {"SQLite": f"sqlite:///{tempfile.mkdtemp()}/old.db", "PostgreSQL": postgres.create_database()}
        report = {name: measure(name, url, valkey.url) for name, url in urls.items()}
    print(json.dumps(report))


def measure(name: str, url: str, redis_url: str) -> dict[str, Any]:
    config = Config.from_env(settings(Path(tempfile.mkdtemp()), url, redis_url))
    models.connect(url)
    models.migrate()
    publisher = Publisher(redis_url)
    ingest = Ingest(config, publisher)
    numbers = begin(ingest)
    began = time.perf_counter()
    with database.connection_context():
        fill(numbers[0])
    figures: dict[str, Any] = {"sessions": SESSIONS, "filled_s": round(time.perf_counter() - began)}
    alone: list[float] = []
    beside: list[float] = []
    swept = retention.Swept()
    for second in range(1, round(SECONDS / ROUND_S) * 10_000, 10_000):
        with writing(ingest, numbers, alone, second):
            time.sleep(ROUND_S)
        with writing(ingest, numbers, beside, second + 5_000):
            add(swept, swept_for(config))
    figures |= {"made_final": swept.made_final, "deleted": dict(swept.rows), "took_s": round(swept.took_s, 1)}
    figures["longest_ms"] = round(swept.longest_s * 1000)
    figures["a_million_takes_s"] = round(swept.took_s * 1e6 / max(1, swept.made_final))
    figures |= {"write_alone_ms": spread(alone), "write_beside_ms": spread(beside)}
    figures["ratio"] = {
        key: round(value / figures["write_alone_ms"][key], 2) for key, value in figures["write_beside_ms"].items()
    }
    print(f"{name:11} {json.dumps(figures)}", flush=True)
    publisher.close()
    models.close()
    if not config.is_sqlite:
        database.obj.close_all()
    return figures


def swept_for(config: Config) -> retention.Swept:
    """Sweep for a round."""
    stop = threading.Event()
    timer = threading.Timer(ROUND_S, stop.set)
    timer.start()
    swept = retention.sweep(config, NOW, stop.wait)
    timer.cancel()
    assert swept is not None
    return swept


def add(total: retention.Swept, swept: retention.Swept) -> None:
    total.rows += swept.rows
    total.made_final += swept.made_final
    total.took_s += swept.took_s
    total.longest_s = max(total.longest_s, swept.longest_s)


@contextmanager
def writing(ingest: Ingest, numbers: list[int], late: list[float], second: int) -> Iterator[None]:
    """Store a batch at equal intervals, and note how long each takes from when it was due."""
    stop = threading.Event()

    def write() -> None:
        due, place = time.perf_counter(), second
        while not stop.is_set():
            ingest.store(batch(numbers[:20], place), NOW)
            late.append(time.perf_counter() - due)
            due, place = max(due + WRITE_INTERVAL_S, time.perf_counter()), place + 1
            stop.wait(due - time.perf_counter())
        models.close()

    thread = threading.Thread(target=write)
    thread.start()
    yield
    stop.set()
    thread.join()


def spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {f"p{p}": round(ordered[int(len(ordered) * p / 100)] * 1000, 2) for p in (50, 99)} | {
        "max": round(ordered[-1] * 1000, 2)
    }


def fill(like: int) -> None:
    """Insert ended sessions, each like this one, and their readings, by statements of the database's own."""
    at = to_microseconds(ENDED_AT)
    names = [field.column_name for field in ChargingSession._meta.sorted_fields if field.name != "number"]
    special = {
        "state": "'completed'", "start_key": "'old-' || n", "started_at": f"{at} - 3600000000", "ended_at": f"{at} + n",
        "last_heard_at": f"{at}", "last_reading_at": f"{at}", "end_received_at": f"{at}", "energy_wh": "1000",
        "start_received_at": f"{at} - 3600000000", "number": "n",
    }  # fmt: skip
    quoted = [f'"{name}"' for name in names]
    values = [special.get(name, column) for name, column in zip(names, quoted, strict=True)]
    for first in range(like + 1000, like + 1000 + SESSIONS, CHUNK):
        series = _series(first, min(first + CHUNK, like + 1000 + SESSIONS) - 1)
        _execute(
            f"INSERT INTO charging_session (number, {', '.join(quoted)}) SELECT n, {', '.join(values)}"
            f" FROM {series} CROSS JOIN (SELECT * FROM charging_session WHERE number = {like}) AS model"
        )
        sampled_at = f"{at} - 3600000000 + k * CAST(4000000 AS BIGINT)"
        reading = f"n, {sampled_at}, {at}, k, 'Sample.Periodic', 1000 + k, k, FALSE, '', '', FALSE"
        large = f"(SELECT n FROM {series} WHERE MOD(n, {LARGE_EVERY}) = 0) AS large"
        for some, last in ((series, SMALL), (large, LARGE)):
            first_k = 1 if last == SMALL else SMALL + 1
            _execute(
                "INSERT INTO meter_reading (session_id, sampled_at, received_at, digest, context, register_wh,"
                " energy_wh, is_final, signed_data, set_aside, is_inferred)"
                f" SELECT {reading} FROM {some} CROSS JOIN {_series(first_k, last, 'k')}"
            )
    _execute("ANALYZE")


def _series(first: int, last: int, name: str = "n") -> str:
    if database.obj.for_update:
        return f"generate_series({first}, {last}) AS {name}"
    values = f"SELECT {first} AS {name} UNION ALL SELECT {name} + 1 FROM s WHERE {name} < {last}"
    return f"(WITH RECURSIVE s({name}) AS ({values}) SELECT {name} FROM s) AS {name}s"


def _execute(sql: str) -> None:
    with database.atomic():
        database.execute_sql(sql)


if __name__ == "__main__":
    main()
