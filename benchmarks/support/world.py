"""A Polaris for the benchmarks of push: drivers, their devices, chargers and running sessions, and its processes.

Devices are signed in by rows in the database, and their cookies are signed as the web signs them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from peewee import chunked

from benchmarks.support.settings import CHARGER_KEY, settings
from polaris import administration, charger_keys, models
from polaris.config import Config
from polaris.domain.enums import AccountStatus, CardStatus, Role
from polaris.domain.facts import ChargerConnected, Fact, SessionMetered, SessionStarted
from polaris.domain.metering import Reading
from polaris.ingest import Ingest
from polaris.models import Account, Charger, ChargingSession, EvCard, SignIn, database
from polaris.pubsub import Publisher
from tests.support import cookies
from tests.support.processes import Processes

EARLIER_READINGS = 20  # fill the timeline of a session's page
BATCH = 200  # rows of a statement, facts of a store
BRIDGE_ID = "bench"
STREAMS_PER_DEVICE = 50
# All browsers are one machine, and some measurements have thousands of streams of one driver.
UNBOUNDED = {"STREAMS_PER_ACCOUNT": "100000", "STREAMS_PER_ADDRESS": "100000"}


class World:
    """A database with some drivers, each with a device, a card and a charger: `bench-0` and so on."""

    def __init__(self, directory: Path, redis_url: str, drivers: int, database_url: str = "") -> None:
        database_url = database_url or f"sqlite:///{directory}/{secrets.token_hex(4)}.db"
        own = UNBOUNDED | {"LEASE_S": "3600"}  # its bridge does not run
        self.settings = settings(directory, database_url, redis_url) | own
        self.config = Config.from_env(self.settings)
        self.processes = Processes(self.settings, directory)
        self.numbers: list[int] = []  # of the running sessions, by driver
        models.connect(self.config.database_url)
        models.migrate()
        self.publisher = Publisher(redis_url)
        self.ingest = Ingest(self.config, self.publisher)
        self._register = 0
        self._populate(drivers)

    def close(self) -> None:
        self.processes.kill_all()
        self.publisher.close()
        models.close()
        if not self.config.is_sqlite:
            database.obj.close_all()

    def streams(self, path: str, count: int, driver: int = 0) -> list[tuple[str, str]]:
        """Return path and cookie of some streams of one driver, on as many devices as people would have."""
        devices = [self._sign_in(driver + 1) for _ in range(-(-count // STREAMS_PER_DEVICE))]
        return [(path, cookies.signed(self.config, devices[n // STREAMS_PER_DEVICE])) for n in range(count)]

    def own_streams(self) -> list[tuple[str, str]]:
        """Return path and cookie of a stream of each driver's own session."""
        with database.connection_context():
            devices = {row.account_id: row.id for row in SignIn.select().order_by(SignIn.id)}
        return [
            (f"/live/sessions/{number}", cookies.signed(self.config, devices[n + 1]))
            for n, number in enumerate(self.numbers)
        ]

    def begin_sessions(self) -> None:
        """Start a session on every charger, half an hour ago, with a full timeline."""
        began = datetime.now(UTC) - timedelta(minutes=30)
        self.start_sessions(began)
        for minute in range(EARLIER_READINGS):
            self.meter(range(self._drivers), at=began + timedelta(minutes=minute + 1))

    def start_sessions(self, began: datetime) -> None:
        """Start a session on every charger at an instant."""
        now = datetime.now(UTC)
        self.ingest.renew_lease(BRIDGE_ID, now)
        for ids in chunked(range(1, self._drivers + 1), BATCH):
            connected = [ChargerConnected(charger_id=i, received_at=began, bridge_id=BRIDGE_ID, connection_id=f"{i}",
                                     protocol="ocpp1.6") for i in ids]  # fmt: skip
            self.ingest.store(connected, now)
            started = [SessionStarted(charger_id=i, received_at=began, connector=1, id_tag=tag(i - 1), at=began,
                                      meter_start_wh=0) for i in ids]  # fmt: skip
            self.ingest.store(started, now)
        self.take_sessions()

    def take_sessions(self) -> None:
        """Read the numbers of the sessions that chargers have started."""
        with database.connection_context():
            query = ChargingSession.select(ChargingSession.number).order_by(ChargingSession.charger)
            self.numbers = [row.number for row in query]

    def meter(self, drivers: Iterable[int], *, at: datetime | None = None) -> None:
        """Store a reading of each of these drivers' sessions, in batches as the bridge's writer does."""
        at = at or datetime.now(UTC)
        self._register += 7
        reading = Reading(at, register_wh=self._register, power_w=22_000, soc_percent=57)
        for places in chunked(drivers, BATCH):
            batch: list[Fact] = [SessionMetered(charger_id=n + 1, received_at=at, connector=1, number=self.numbers[n],
                                                readings=(reading,)) for n in places]  # fmt: skip
            self.ingest.store(batch, at)

    def revisions(self) -> list[int]:
        """Return the stored revision of every driver's session."""
        with database.connection_context():
            query = ChargingSession.select(ChargingSession.revision).order_by(ChargingSession.charger)
            return [row.revision for row in query]

    def _populate(self, drivers: int) -> None:
        """Add accounts, devices, cards and chargers, with ids from 1 on in the order of the drivers."""
        self._drivers = drivers
        now = datetime.now(UTC)
        day = timedelta(days=1)
        administration.set_tariff("Main", per_kwh=Decimal("0.40"), actor="benchmark", now=now - day)
        with database.connection_context():
            for places in chunked(range(drivers), BATCH):
                Account.insert_many([
                    {"email": f"driver-{n}@example.com", "role": Role.DRIVER, "status": AccountStatus.ACTIVE,
                     "password_hash": "", "created_at": now} for n in places]).execute()  # fmt: skip
                Charger.insert_many([_charger(self.config, n) for n in places]).execute()
                EvCard.insert_many([
                    {"account": n + 1, "id_tag": tag(n), "status": CardStatus.ACTIVE, "created_at": now}
                    for n in places]).execute()  # fmt: skip
                SignIn.insert_many([_device(n + 1) for n in places]).execute()

    def _sign_in(self, account_id: int) -> str:
        device = _device(account_id)
        with database.connection_context():
            SignIn.insert(device).execute()
        return str(device["id"])


def tag(place: int) -> str:
    """Return the id of a driver's card, with which the benchmark's chargers start."""
    return f"TBENCH-{place}"


def _charger(config: Config, place: int) -> dict[str, object]:
    identity = f"bench-{place}"
    key_hash, version = charger_keys.hashed(config.charger_key_secrets, identity, CHARGER_KEY.encode())
    return {"identity": identity, "name": f"Bay {place}", "site": 1, "key_hash": key_hash, "key_version": version}


def _device(account_id: int) -> dict[str, object]:
    now = datetime.now(UTC)
    return {"id": secrets.token_urlsafe(32), "account": account_id, "user_agent": "benchmark", "created_at": now,
            "last_seen_at": now}  # fmt: skip
