"""Owns sessions of many days, drivers, chargers and sites, as lists have to find them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from polaris import models
from polaris.domain.data_quality import Note
from polaris.models import Account, Charger, ChargingSession, EvCard, SessionNote, Site, Tariff

BEGIN = datetime(2026, 3, 28, 12, tzinfo=UTC)  # the day before Berlin's clock goes forward


@models.blocking
def fill(number: int = 60) -> None:
    """Add sessions at three chargers of two sites in different time zones, some of them running or in doubt."""
    chance = random.Random(3)
    with models.database.atomic():
        tokyo = Site.create(name="Tokyo", time_zone="Asia/Tokyo", currency="JPY")
        Site.update(time_zone="Europe/Berlin").where(Site.name == "Main").execute()
        prices = {"per_minute": "0", "per_session": "0", "tax_percent": "0", "valid_from_at": BEGIN}
        tariffs = {
            1: Tariff.create(site=1, currency="EUR", per_kwh="0.40", **prices),
            tokyo.id: Tariff.create(site=tokyo, currency="JPY", per_kwh="50", **prices),
        }
        chargers = [_charger("a-1", 1), _charger("a-2", 1), _charger("t-1", tokyo.id)]
        cards = [_card("ada@lists.example", "AA11"), _card("ben@lists.example", "BB22")]
        for place in range(number):
            charger, card = chance.choice(chargers), chance.choice([*cards, None])
            started_at = BEGIN + timedelta(hours=chance.randrange(60))
            _session(place, charger, card, started_at, chance, tariff=tariffs[charger.site_id])


def _charger(identity: str, site_id: int) -> Charger:
    return Charger.create(identity=identity, name=f"Charger {identity}", site=site_id, key_hash="", key_version=1)


def _card(email: str, id_tag: str) -> EvCard:
    account = Account.create(email=email, role="driver", status="active", password_hash="", created_at=BEGIN)
    return EvCard.create(account=account, id_tag=id_tag, status="active", created_at=BEGIN)


def _session(
    place: int, charger: Charger, card: EvCard | None, started_at: datetime, chance: random.Random, **values: Any
) -> None:
    state = chance.choice(["active", "completed", "completed", "estimated"])
    session = ChargingSession.create(
        site=charger.site_id,
        charger=charger,
        connector=1,
        id_tag="STRANGE" if card is None else card.id_tag,
        card=card,
        account=None if card is None else card.account_id,
        authorization="Invalid" if card is None else "Accepted",
        start_key=str(place),
        state=state,
        started_at=started_at,
        ended_at=None if state == "active" else started_at + timedelta(minutes=90),
        start_received_at=started_at,
        meter_start_wh=0,
        energy_wh=chance.choice([None, 0, 1234, 20_000]),
        last_heard_at=started_at,
        **values,
    )
    if chance.random() < 0.3:
        SessionNote.create(session=session, kind=Note.GAP, at=started_at)
