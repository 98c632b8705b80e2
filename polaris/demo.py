"""The demonstration: people, chargers and two weeks of sessions, for a database without accounts.

The sessions are stored from the facts that chargers would have sent, so they are as consistent as real ones.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

from polaris import administration, private_file
from polaris.administration import COMMAND_LINE
from polaris.administration.chargers import COLUMNS, MAIN_SITE, NewCharger
from polaris.domain.connectors import NO_ERROR
from polaris.domain.enums import ConnectorStatus, Role
from polaris.domain.facts import (
    ChargerConnected,
    ChargerDisconnected,
    ConnectorStatusChanged,
    SessionEnded,
    SessionMetered,
    SessionStarted,
)
from polaris.domain.metering import Reading
from polaris.ingest import Ingest, Started
from polaris.models import Account, Charger, blocking, database
from polaris.services import Services

DRIVER = "driver@example.com"
OPERATOR = "operator@example.com"
PASSWORD = "polaris-demo"  # noqa: S105 - it is printed for everybody to read
CARD = "POLARIS-DEMO-1"  # used by the simulator
SECOND_CARD = "POLARIS-DEMO-2"

CHARGERS = {"depot-1": "Depot 1", "harbour-1": "Harbour Street 1", "harbour-2": "Harbour Street 2"}
AWAY = "station-4"  # offline: the simulator does not run it
HARBOUR = "Harbour"  # the site of the chargers whose identities begin with it: its prices are by time of day
GONE_BRIDGE = "bridge-of-the-demo"
AWAY_FOR = timedelta(hours=5, minutes=12)
INSTALLED = timedelta(days=21)  # ago; prices begin with it


@dataclass(frozen=True, slots=True)
class PastSession:
    """A past session: when it began, and how the car charged."""

    ago: timedelta
    charger: str
    minutes: int
    power_w: int  # before the taper
    soc_percent: int | None  # at the start; None if the charger does not report it
    reason: str  # "" if the charger never sent an end
    card: str = CARD
    stood_minutes: int = 0  # after charging


# The second is closed on evidence: its charger began the third without ever ending it.
SESSIONS = (
    PastSession(timedelta(days=13, hours=6), "depot-1", 95, 11_000, None, "EVDisconnected"),
    PastSession(timedelta(days=11, hours=2), "harbour-2", 42, 7_400, None, ""),
    PastSession(timedelta(days=10, hours=3), "harbour-2", 64, 7_400, None, "Local", SECOND_CARD),
    PastSession(timedelta(days=8, hours=7), "harbour-1", 31, 50_000, 18, "Remote"),
    PastSession(timedelta(days=6, hours=1), "depot-1", 180, 11_000, None, "Local"),
    PastSession(timedelta(days=4, hours=9), "harbour-1", 24, 50_000, 35, "EVDisconnected", stood_minutes=55),
    PastSession(timedelta(days=2, hours=5), "harbour-2", 118, 7_400, None, "Remote", SECOND_CARD),
    PastSession(timedelta(hours=20), "depot-1", 52, 22_000, None, "Remote"),
)
STEP = timedelta(minutes=2)  # between two readings
CAPACITY_WH = 60_000  # of the cars


@blocking
def seed(services: Services, chargers_file: Path, now: datetime) -> bool:
    """Fill the database and write the chargers' keys, all or nothing; return False if there are accounts already."""
    with database.atomic():
        if Account.select().exists():
            return False
        then = now.replace(microsecond=0) - INSTALLED
        _add_people(then)
        _set_prices(then)
        simulated = _add_chargers(services, CHARGERS, then)
        _add_chargers(services, {AWAY: "Station Square 4"}, then)
        _store_sessions(services.ingest, now.replace(microsecond=0))
        _store_absence(services.ingest, now.replace(microsecond=0) - AWAY_FOR)
        _write_keys(chargers_file, simulated)
    return True


def _add_people(now: datetime) -> None:
    administration.add_account(DRIVER, PASSWORD, Role.DRIVER, actor=COMMAND_LINE, now=now)
    administration.add_account(OPERATOR, PASSWORD, Role.OPERATOR, actor=COMMAND_LINE, now=now)
    for card in (CARD, SECOND_CARD):
        administration.add_card(DRIVER, card, actor=COMMAND_LINE, now=now)


def _add_chargers(services: Services, names: dict[str, str], now: datetime) -> list[NewCharger]:
    secrets = services.config.charger_key_secrets
    return [
        administration.add_charger(secrets, identity, name=name, site=_site(identity), actor=COMMAND_LINE, now=now)
        for identity, name in names.items()
    ]


def _site(identity: str) -> str:
    return HARBOUR if identity.startswith(HARBOUR.casefold()) else MAIN_SITE


def _set_prices(now: datetime) -> None:
    for site in (MAIN_SITE, HARBOUR):
        administration.set_site(site, time_zone="Europe/Berlin", currency="EUR", actor=COMMAND_LINE, now=now)
    administration.set_tariff(
        MAIN_SITE,
        per_kwh=Decimal("0.39"),
        per_minute=Decimal("0.00"),
        per_session=Decimal("0.35"),
        tax_percent=Decimal(19),
        actor=COMMAND_LINE,
        now=now,
    )
    administration.set_tariff(
        HARBOUR,
        per_kwh=Decimal("0.36"),
        windows=("Mon-Fri 07:00-20:00 0.46 per kWh", "Sat,Sun 10:00-18:00 0.42 per kWh"),
        idle_per_minute=Decimal("0.10"),
        idle_grace_min=15,
        tax_percent=Decimal(19),
        actor=COMMAND_LINE,
        now=now,
    )


def _store_sessions(ingest: Ingest, now: datetime) -> None:
    ids = {charger.identity: charger.id for charger in Charger.select()}
    registers = dict.fromkeys(CHARGERS, 1_284_300)
    for past in SESSIONS:
        register_wh = registers[past.charger]
        registers[past.charger] = _store_session(ingest, past, ids[past.charger], register_wh, now - past.ago)


def _store_absence(ingest: Ingest, disconnected_at: datetime) -> None:
    """Store that a charger connected, was available, and lost its connection."""
    charger_id = Charger.get(Charger.identity == AWAY).id
    connected_at = disconnected_at - timedelta(days=2)
    ingest.renew_lease(GONE_BRIDGE, connected_at)
    connected = ChargerConnected(
        charger_id=charger_id,
        received_at=connected_at,
        bridge_id=GONE_BRIDGE,
        connection_id=AWAY,
        protocol="ocpp1.6",
    )
    available = _status(charger_id, ConnectorStatus.AVAILABLE, connected_at)
    disconnected = ChargerDisconnected(charger_id=charger_id, received_at=disconnected_at, connection_id=AWAY)
    for fact in (connected, available, disconnected):
        ingest.store([fact], fact.received_at)


def _store_session(ingest: Ingest, past: PastSession, charger_id: int, register_wh: int, began_at: datetime) -> int:
    """Store the facts of one session, each at its own time; return the register at its end."""
    start = SessionStarted(
        charger_id=charger_id,
        received_at=began_at,
        connector=1,
        id_tag=past.card,
        at=began_at,
        meter_start_wh=register_wh,
    )
    [started] = ingest.store([start], began_at)
    if not isinstance(started, Started):
        raise ValueError(f"{past} was not started")
    for reading in _readings(past, register_wh, began_at):
        at = reading.sampled_at
        metered = SessionMetered(
            charger_id=charger_id, received_at=at, connector=1, number=started.number, readings=(reading,)
        )
        ingest.store([metered], at)
        register_wh = reading.register_wh or register_wh
    full_at = began_at + timedelta(minutes=past.minutes)
    if past.stood_minutes:
        ingest.store([_status(charger_id, ConnectorStatus.SUSPENDED_EV, full_at)], full_at)
    if past.reason:
        ended_at = full_at + timedelta(minutes=past.stood_minutes)
        end = SessionEnded(
            charger_id=charger_id,
            received_at=ended_at,
            number=started.number,
            at=ended_at,
            meter_stop_wh=register_wh,
            reason=past.reason,
            id_tag=None,
            readings=(),
        )
        ingest.store([end, _status(charger_id, ConnectorStatus.AVAILABLE, ended_at)], ended_at)
    return register_wh


def _status(charger_id: int, status: ConnectorStatus, at: datetime) -> ConnectorStatusChanged:
    return ConnectorStatusChanged(
        charger_id=charger_id, received_at=at, connector=1, status=status, error_code=NO_ERROR, info="", at=at
    )


def _readings(past: PastSession, register_wh: int, began_at: datetime) -> Iterator[Reading]:
    """Yield readings whose power rises, holds, and falls in the last quarter, as a battery's does."""
    count = past.minutes * 60 // int(STEP.total_seconds())
    energy_wh = 0.0
    for step in range(1, count):
        progress = step / count
        power_w = past.power_w * min(1.0, 0.55 + 0.45 * step / 3) * (1 - 0.6 * max(0.0, progress - 0.75) / 0.25)
        power_w = round(power_w * (0.99 + 0.02 * (step * 7 % 5) / 4), -1)
        energy_wh += power_w * STEP.total_seconds() / 3600
        soc = past.soc_percent
        yield Reading(
            sampled_at=began_at + step * STEP,
            register_wh=register_wh + round(energy_wh),
            power_w=int(power_w),
            soc_percent=None if soc is None else min(100, soc + round(100 * energy_wh / CAPACITY_WH)),
        )


def _write_keys(path: Path, chargers: list[NewCharger]) -> None:
    """Write the chargers' keys. Only their owner may read them: with a key anyone can speak as the charger."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((charger.identity, charger.name, charger.key) for charger in chargers)
    private_file.write(path, text.getvalue())
