"""Ada and Ben drive, Olga operates, `depot-7` is a connected charger: facts about it go straight to `Ingest`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from polaris import models
from polaris.config import Config
from polaris.domain.facts import ChargerConnected, Fact, SessionEnded, SessionMetered, SessionStarted
from polaris.domain.metering import Reading
from polaris.ingest import Ingest, Started
from polaris.models import Account, Charger, ChargingSession, EvCard, MeterReading, StopRequest, Tariff
from polaris.pubsub import Publisher

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@dataclass
class Cast:
    """Ids of people and things, and short ways to say what a charger says."""

    ingest: Ingest
    ada: int
    ben: int
    olga: int
    charger: int
    other_charger: int

    def store(self, *facts: Fact, seconds: float = 0) -> list[Started | None]:
        return self.ingest.store(facts, at(seconds))

    def start(self, *, connector: int = 1, id_tag: str = "ADA-1", seconds: float = 0, **changes: Any) -> Started:
        values = {"charger_id": self.charger, "at": at(seconds), "meter_start_wh": 1000} | changes
        fact = SessionStarted(received_at=at(seconds), connector=connector, id_tag=id_tag, **values)
        (started,) = self.store(fact, seconds=seconds)
        assert started is not None
        return started

    def metered(self, number: int | None, seconds: float, register_wh: int, **values: Any) -> SessionMetered:
        reading = Reading(at(seconds), register_wh=register_wh, **values)
        return SessionMetered(
            charger_id=self.charger, received_at=at(seconds), connector=1, number=number, readings=(reading,)
        )

    def ended(self, number: int, seconds: float, meter_stop_wh: int | None, **changes: Any) -> SessionEnded:
        values: dict[str, Any] = {
            "charger_id": self.charger,
            "reason": "Local",
            "id_tag": None,
            "readings": (),
        } | changes
        return SessionEnded(
            received_at=at(seconds), number=number, at=at(seconds), meter_stop_wh=meter_stop_wh, **values
        )


def connected_charger(config: Config, publisher: Publisher) -> Cast:
    ingest = Ingest(config, publisher)
    with models.database.connection_context():
        people = [_account(name) for name in ("ada", "ben", "olga")]
        for person in people[:2]:
            EvCard.create(account=person, id_tag=f"{person.email[:3].upper()}-1", status="active", created_at=NOW)
        Tariff.create(
            site=1,
            currency="EUR",
            per_kwh=Decimal("0.39"),
            per_minute=Decimal(0),
            per_session=Decimal("0.35"),
            tax_percent=Decimal(19),
            valid_from_at=NOW - timedelta(days=1),
        )
        chargers = [
            Charger.create(identity=identity, name=identity, site=1, key_hash="", key_version=1)
            for identity in ("depot-7", "depot-8")
        ]
    ids = [person.id for person in people]
    cast = Cast(ingest, *ids, charger=chargers[0].id, other_charger=chargers[1].id)
    ingest.renew_lease("bridge-1", NOW)
    cast.store(
        ChargerConnected(
            charger_id=cast.charger, received_at=NOW, bridge_id="bridge-1", connection_id="c-1", protocol="ocpp1.6"
        )
    )
    return cast


def _account(name: str) -> Account:
    role = "operator" if name == "olga" else "driver"
    return Account.create(email=f"{name}@example.com", role=role, status="active", password_hash="", created_at=NOW)


def session(number: int) -> ChargingSession:
    with models.database.connection_context():
        return ChargingSession.get_by_id(number)


def readings(number: int) -> list[MeterReading]:
    with models.database.connection_context():
        found = MeterReading.select().where(MeterReading.session == number)
        return list(found.order_by(MeterReading.is_final, MeterReading.sampled_at))


def stop_states(number: int) -> list[str]:
    with models.database.connection_context():
        found = StopRequest.select().where(StopRequest.session == number).order_by(StopRequest.id)
        return [request.state for request in found]
