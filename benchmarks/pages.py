"""`make bench PART=pages`: the server time of the first paint of pages over ten years of data.

A database is filled with CHARGERS (10,000), ACCOUNTS with a card each (100,000), SESSIONS (1,000,000) and AUDIT rows
(10,000,000). A hundredth of the sessions is one driver's. Each path of `PATHS` (an operator's) and `OWN_PATHS` (the
driver's), to which a new page adds a line, is requested TIMES (15) times in this process.
Printed are the time and the CPU time, with that of PostgreSQL's processes: other work on the machine disturbs it less.
DATABASES names sqlite, postgresql or both. The last line is one JSON object with every figure.
"""

from __future__ import annotations

import json
import os
import runpy
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

import psutil
from flask.testing import FlaskClient

from benchmarks.support.bulk_fill import fill, without_indexes
from benchmarks.support.settings import settings
from polaris import create_app, models
from polaris.audit import record
from polaris.config import Config
from polaris.domain.enums import EndedBy, Role
from polaris.domain.instants import from_microseconds
from polaris.models import (
    Account,
    AuditEntry,
    Charger,
    ChargerConnection,
    ChargingSession,
    Connector,
    EvCard,
    SessionDay,
    SessionNote,
    Site,
    Tariff,
    database,
    to_microseconds,
)
from polaris.models.charger_connection import MAX_KEPT
from polaris.rendering.audit_words import ACTIONS
from tests.support import cast, forms
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey

CHARGERS = int(os.environ.get("CHARGERS", "10000"))
ACCOUNTS = int(os.environ.get("ACCOUNTS", "100000"))
SESSIONS = int(os.environ.get("SESSIONS", "1000000"))
AUDIT = int(os.environ.get("AUDIT", "10000000"))
TIMES = int(os.environ.get("TIMES", "15"))
DATABASES = os.environ.get("DATABASES", "sqlite").split(",")
SITES, ACTIVE = 1000, 2000
LARGE_SITE = 8  # the id of Site 7, at which one charger of twenty is
OFFLINE_EVERY = 50  # one charger of so many is offline, after as many connections as are kept
HOUR_US = 3600 * 1_000_000
YEARS_US = 10 * 365 * 24 * HOUR_US  # over which sessions and audit rows are spread
PATHS = (
    "/fleet",
    "/fleet?text=charger+77&order=power",
    "/fleet?wall=1",
    "/fleet/c-77",
    "/fleet/c-77/behaviour",
    "/fleet/c-77/settings",
    "/fleet/c-77/commission",
    "/attention",
    "/people",
    "/people?email=person77@example.com",
    "/people?role=operator",
    "/people/77",
    "/cards",
    "/cards?card=CARD77",
    "/cards?state=blocked",
    "/cards?email=person77@example.com",
    "/sites",
    "/sites/1",
    "/tariffs",
    "/bulk?state=session",
    "/walls",
    "/sessions",
    "/sessions?status=active",
    "/sessions?status=completed",
    "/sessions?driver=person77@example.com",
    "/sessions?charger=c-77&status=completed",
    "/sessions?site=Site+7",
    "/sessions?in_doubt=1",
    "/sessions?site=Site+7&in_doubt=1&from=2020-01-01&to=2020-12-31",
    "/sessions?from=2020-01-01&to=2020-01-02",
    "/sessions?totals=1",
    "/audit",
    "/audit?actor=command+line",
    "/audit?action=charger.blocked",
    "/audit?target=c-77",
    "/audit?actor=command+line&action=charger.blocked&target=c-77",
    "/audit?actor=command+line&action=site.changed&from=2020-01-01",
    "/audit?actor=nobody",
)
OWN_EVERY = 100  # one session of so many is the driver's
OWN_PATHS = (
    "/",
    "/?by=week",
    "/?by=month",
    "/sessions",
    "/sessions?status=active",
    "/sessions?status=completed",
    "/sessions?charger=c-100&status=completed",
    "/sessions?card=1",
    "/sessions?from=2020-01-01&to=2020-12-31",
    "/sessions?from=2020-01-01&to=2020-12-31&card=1&status=completed",
    "/cards",
)


def main() -> None:
    with ExitStack() as stack:
        valkey = stack.enter_context(closing(Valkey()))
        valkey.start()
        report = {}
        for name in DATABASES:
            url, cpu_s = f"sqlite:///{tempfile.mkdtemp()}/pages.db", time.process_time
            if name == "postgresql":
                postgres = stack.enter_context(closing(Postgres(is_durable=True)))
                url, cpu_s = postgres.create_database(), cpu_with(postgres.pid)
            report[name] = measure(name, url, valkey.url, cpu_s)
    print(json.dumps(report))


def cpu_with(pid: int) -> Callable[[], float]:
    """Return a clock of the CPU time of this process and of another one with all that it has started, in seconds."""
    other = psutil.Process(pid)

    def cpu_s() -> float:
        return time.process_time() + float(sum(other.cpu_times()[:4])) + sum(map(_cpu_s, other.children()))

    return cpu_s


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        return float(times.user + times.system)
    except psutil.NoSuchProcess:  # it has ended, and its time is its parent's by now
        return 0.0


def measure(name: str, url: str, redis_url: str, cpu_s: Callable[[], float]) -> dict[str, dict[str, float]]:
    app = create_app(Config.from_env(settings(Path(tempfile.mkdtemp()), url, redis_url)))
    models.migrate()
    olga = cast.add_person("olga@example.com", role=Role.OPERATOR)
    ada = cast.add_person("ada@example.com", id_tag="ADA-1")
    began = time.perf_counter()
    with database.connection_context():
        fill_all(ada.id)
    print(f"{name}: filled in {time.perf_counter() - began:.0f} s", flush=True)
    clients = [app.test_client(), app.test_client()]
    for client, person in zip(clients, (olga, ada), strict=True):
        forms.sign_in(client, person)
    runpy.run_path("gunicorn.conf.py")["post_worker_init"](None)  # the garbage collector as in the web's processes
    times = {path: first_paint(clients[0], path, cpu_s) for path in PATHS}
    times |= {f"driver {path}": first_paint(clients[1], path, cpu_s) for path in OWN_PATHS}
    print(f"{name:62} p50 ms  worst ms  CPU ms")
    for path, figures in times.items():
        print(f"  {path:60} {figures['p50']:6.1f}  {figures['worst']:8.1f}  {figures['cpu']:6.1f}", flush=True)
    app.blueprints["live"].close()  # type: ignore[attr-defined]
    models.close()
    if name == "postgresql":
        database.obj.close_all()
    return times


def first_paint(client: FlaskClient, path: str, cpu_s: Callable[[], float]) -> dict[str, float]:
    """Request a page several times; the first time is among the figures, and most often is the worst."""
    times_ms, cpu_ms = [], []
    for _ in range(TIMES):
        began, cpu_began = time.perf_counter(), cpu_s()
        answer = client.get(path)
        times_ms.append(1000 * (time.perf_counter() - began))
        cpu_ms.append(1000 * (cpu_s() - cpu_began))
        assert answer.status_code == 200, path
    figures = {"p50": sorted(times_ms)[TIMES // 2], "worst": max(times_ms), "cpu": sorted(cpu_ms)[TIMES // 2]}
    return {name: round(figure, 1) for name, figure in figures.items()}


def fill_all(own_id: int) -> None:
    """Add rows, each table from one that is made as the product makes it; `own_id` is the driver's account."""
    at = cast.now()
    end_us = to_microseconds(at)
    for number in range(1, SITES):
        Site.create(name=f"Site {number}", time_zone="Europe/Berlin")
    cast.set_tariff()
    tariff = Tariff.select().first()
    charger = Charger.create(identity="c-0", name="Charger 0", site=1, key_hash="", key_version=1)
    fill(
        charger,
        CHARGERS - 1,
        identity="'c-' || i",
        name="'Charger ' || i",
        site_id=site_of("i"),
        last_contact_at=f"CASE WHEN i % {OFFLINE_EVERY} = 0 THEN {end_us - 2 * HOUR_US} - i ELSE NULL END",
    )
    first = charger.id
    fill_connections(first, end_us)
    connector = Connector.create(charger=charger, number=1, status="Available", changed_at=at)
    status = "CASE WHEN i % 50 = 0 THEN 'Faulted' ELSE 'Available' END"
    fill(connector, CHARGERS - 1, charger_id=f"{first} + i", status=status)
    account = Account.create(
        email="person0@example.com", role="driver", status="active", password_hash="", created_at=at
    )
    fill(account, ACCOUNTS - 1, email="'person' || i || '@example.com'")
    card = EvCard.create(account=account, id_tag="CARD0", status="active", created_at=at)
    fill(card, ACCOUNTS - 1, account_id=f"{account.id} + i", id_tag="'CARD' || i")
    session = ChargingSession.create(
        charger=charger,
        site=1,
        connector=1,
        id_tag="CARD0",
        account=account,
        card=card,
        authorization="Accepted",
        tariff=tariff,
        start_key="0",
        state="completed",
        started_at=at,
        ended_at=at,
        start_received_at=at,
        meter_start_wh=0,
        last_heard_at=at,
        is_swept=True,
    )
    is_active = f"i > {SESSIONS - ACTIVE}"
    started_us = f"{end_us - YEARS_US} + i * {YEARS_US // SESSIONS}"
    with without_indexes(ChargingSession):
        fill(
            session,
            SESSIONS - 1,
            charger_id=f"{first} + i % {CHARGERS}",
            site_id=site_of(f"(i % {CHARGERS})"),
            account_id=own_or(str(own_id), f"{account.id} + i * 7 % {ACCOUNTS}"),
            card_id=own_or("1", f"{card.id} + i * 7 % {ACCOUNTS}"),
            id_tag=own_or("'ADA-1'", f"'CARD' || (i * 7 % {ACCOUNTS})"),
            start_key="'' || i",
            state=f"CASE WHEN {is_active} THEN 'active' ELSE 'completed' END",
            started_at=started_us,
            last_heard_at=f"CASE WHEN i % 10 = 0 THEN {started_us} ELSE {end_us} END",  # a tenth is stuck
            ended_at=f"CASE WHEN {is_active} THEN NULL ELSE {started_us} + 3600000000 END",
            energy_wh="i * 37 % 40000",
            has_days=f"NOT {is_active}",
        )
    fill_days(session, own_id, started_us)
    note = SessionNote.create(session=session, kind="gap", at=at)
    fill(note, SESSIONS // 50, session_id=f"{session.number} + i * 49")
    fill_audit(end_us)


def fill_days(session: ChargingSession, driver: int, started_us: str) -> None:
    """Add a day of each session that has ended; those of the driver are the driver's."""
    day = SessionDay.create(
        session=session, account=driver, day=date(2000, 1, 1), energy_wh=1, currency="EUR", amount=1
    )
    is_sqlite = not database.obj.for_update
    seconds = f"({started_us}) / 1000000"
    fill(
        day,
        SESSIONS - ACTIVE - 1,
        session_id=f"{session.number} + i",
        account_id=own_or(str(driver), f"{driver} + 1 + i * 7 % {ACCOUNTS}"),
        day=f"date({seconds}, 'unixepoch')" if is_sqlite else f"CAST(to_timestamp({seconds}) AS date)",
        energy_wh="i * 37 % 40000",
        amount="i * 17 % 2000",
    )


def own_or(own: str, other: str) -> str:
    """Return the SQL of a session's column, by those of the driver's sessions and of the others."""
    return f"CASE WHEN i % {OWN_EVERY} = 0 THEN {own} ELSE {other} END"


def site_of(charger: str) -> str:
    """Return the SQL of a charger's site, by the SQL of its number."""
    return f"CASE WHEN {charger} % 20 = 0 THEN {LARGE_SITE} ELSE 1 + {charger} % {SITES} END"


def fill_connections(first: int, end_us: int) -> None:
    """Add the connections of the chargers that are offline: one in three hours, which lasts for two."""
    began, ended = from_microseconds(end_us - MAX_KEPT * 3 * HOUR_US), from_microseconds(end_us)
    connection = ChargerConnection.create(
        charger=first, slot=0, connected_at=began, ended_at=ended, ended_by=EndedBy.CHARGER
    )
    since_us = f"{to_microseconds(began)} + i % {MAX_KEPT} * {3 * HOUR_US}"
    fill(
        connection,
        MAX_KEPT * (CHARGERS // OFFLINE_EVERY) - 1,
        charger_id=f"{first} + i / {MAX_KEPT} * {OFFLINE_EVERY}",
        slot=f"i % {MAX_KEPT}",
        connected_at=since_us,
        ended_at=f"{since_us} + {2 * HOUR_US}",
    )


def fill_audit(end_us: int) -> None:
    record("command line", "charger.added", "c-0", cast.now())
    actions = sorted(ACTIONS)
    action = " ".join(f"WHEN {place} THEN '{action}'" for place, action in enumerate(actions))
    with without_indexes(AuditEntry):
        fill(
            AuditEntry.select().order_by(AuditEntry.id.desc()).first(),
            AUDIT,
            at=f"{end_us - YEARS_US} + i * {YEARS_US // AUDIT}",
            actor="CASE WHEN i % 3 = 0 THEN 'command line' ELSE 'person' || (i % 1000) || '@example.com' END",
            action=f"CASE i % {len(actions)} {action} END",
            target=f"'c-' || (i * 7 % {CHARGERS})",
            previous_hash="'' || i",
        )


if __name__ == "__main__":
    main()
