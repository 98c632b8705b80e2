"""Prices that change during a session, and idling after it has charged: by what chargers of every version tell."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from polaris.domain.price_windows import Schedule, to_json
from polaris.domain.tariff import Part, lines
from polaris.domain.usage import borders
from polaris.domain.window_text import read
from polaris.models import EPOCH, Site, Tariff
from tests.support.depot import Depot, now, session
from tests.support.frames_of import BEGAN, at, value
from tests.support.telling import VERSIONS, Telling, telling

pytestmark = pytest.mark.both_databases

START_WH = 1_000_000
ZONE = f"Etc/GMT{BEGAN.hour - 12:+d}"  # where it was noon when the sessions of this file began
BORDER_MIN = 12 * 60 + BEGAN.minute + 20
BORDER_S = 20 * 60 - BEGAN.second  # from the start


def set_prices() -> None:
    """Set prices that change once: twenty minutes after the session has begun, to the minute."""
    clock = f"{BORDER_MIN // 60:02}:{BORDER_MIN % 60:02}"
    schedule = Schedule(ZONE, read([f"daily {clock}-20:00 0.50 per kWh, 0.02 per minute"], Decimal(0)))
    site, _ = Site.get_or_create(name="Depot")
    Tariff.create(
        site=site, currency="EUR", per_kwh=Decimal("0.30"), per_minute=Decimal(0), per_session=Decimal(0),
        tax_percent=Decimal(0), idle_per_minute=Decimal("0.10"), idle_grace_s=300, schedule=to_json(schedule),
        valid_from_at=EPOCH + timedelta(days=Tariff.select().count()),
    )  # fmt: skip


async def says(charger: Telling, state: str, minutes: float) -> None:
    """Report the connector's state; in OCPP 2.x the transaction's."""
    if charger.is_v2:
        info = {"transactionId": charger.transaction_id, "chargingState": state}
        await charger._event("Updated", (), transactionInfo=info, timestamp=at(minutes))
    else:
        status = {"connectorId": 1, "status": state, "errorCode": "NoError", "timestamp": at(minutes)}
        await charger.charger.call("StatusNotification", status)


@pytest.mark.parametrize("way", VERSIONS)
@pytest.mark.parametrize("is_late", [False, True])
async def test_session_across_a_border(depot: Depot, way: str, is_late: bool) -> None:
    set_prices()
    told = [(10, 1000), (30, 3000), (35, 4000)]
    async with telling(depot, way) as charger:
        await charger.start(START_WH)
        await says(charger, "Charging", 1)
        for minutes, wh in told[1:] if is_late else told:
            await charger.tell(value(minutes, START_WH + wh))
        if is_late:
            await charger.tell(value(10, START_WH + 1000))
        await says(charger, "SuspendedEV", 40)
        await charger.tell(value(41, START_WH + 5000))
        await charger.end(START_WH + 5000, 60)
        found = session(charger.number)
    by_border = 1000 + round(2000 * (BORDER_S - 600) / 1200)
    assert borders(found.border_wh) == (by_border,)
    paid = {(line.part, line.window is not None): line for line in lines(found.tariff.prices(), found.usage(now()))}
    assert [paid[Part.ENERGY, is_in].quantity for is_in in (False, True)] == [by_border, 5000 - by_border]
    assert [paid[Part.TIME, is_in].quantity for is_in in (False, True)] == [BORDER_S, 3600 - BORDER_S]
    assert (paid[Part.IDLE, False].quantity, paid[Part.IDLE, False].amount) == (15 * 60, Decimal("1.5"))


@pytest.mark.parametrize("way", VERSIONS)
async def test_car_that_goes_on_did_not_idle(depot: Depot, way: str) -> None:
    set_prices()
    async with telling(depot, way) as charger:
        await charger.start(START_WH)
        await says(charger, "Charging", 1)
        await charger.tell(value(5, START_WH + 1000))
        await says(charger, "SuspendedEV", 6)
        assert session(charger.number).over_at is not None
        await says(charger, "Charging", 30)
        assert session(charger.number).over_at is None
        await charger.end(START_WH + 2000, 60)
        found = session(charger.number)
    assert next(line for line in lines(found.tariff.prices(), found.usage(now())) if line.part is Part.IDLE).amount == 0
