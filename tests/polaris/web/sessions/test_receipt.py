"""The parts of an ended session's cost for its driver: in plain words, and adding up to the cent."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from polaris import administration
from polaris.domain import tariff
from polaris.domain.tariff import Part, Prices
from polaris.domain.usage import Usage
from polaris.ingest import Ingest
from polaris.models import ChargingSession
from polaris.web.sessions.receipt import Receipt, receipt
from tests.polaris.web.sessions.test_price import FRIDAY, MINUTE, PLAIN, PRICES
from tests.polaris.web.sessions.test_why import text_of
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.explainable import Telling

TAXED = Prices("EUR", Decimal("0.3333"), Decimal("0.07"), Decimal("0.35"), Decimal(19), Decimal("0.1"), 600)


def of(prices: Prices, usage: Usage) -> Receipt | None:
    return receipt(prices, usage, tariff.cost(prices, usage))


def test_energy_alone_is_all_of_the_cost() -> None:
    assert of(PLAIN, Usage(5000, FRIDAY, FRIDAY + 60 * MINUTE, 5000)) is None


def test_energy_of_each_window() -> None:
    found = of(PRICES, Usage(5000, FRIDAY, FRIDAY + 60 * MINUTE, 5000, (2000,)))
    assert found is not None
    told = [(paid.part, paid.quantity, paid.price, paid.cost.amount) for paid in found.parts]
    assert told == [
        (Part.ENERGY, 2000, Decimal("0.50"), Decimal("1.00")),
        (Part.ENERGY, 3000, Decimal("0.30"), Decimal("0.90")),
    ]


@pytest.mark.parametrize(("minutes", "free", "paid", "cost"), [(25, 10, 15, "1.50"), (7, 7, 0, "0.00")])
def test_time_after_charging(minutes: int, free: int, paid: int, cost: str) -> None:
    usage = Usage(5000, FRIDAY, FRIDAY + 20 * MINUTE + minutes * MINUTE, 5000, (5000,), FRIDAY + 20 * MINUTE)
    found = of(PRICES, usage)
    assert found is not None
    idle = found.parts[-1]
    assert (idle.part, idle.quantity, str(idle.cost.amount)) == (Part.IDLE, 60 * paid, cost)
    assert (found.stood_s, found.free_s) == (60 * minutes, 60 * free)


@given(
    st.sampled_from([PRICES, TAXED]), st.integers(1, 99_999), st.integers(0, 99_999), st.integers(1, 40_000),
    st.integers(0, 40_000),
)  # fmt: skip
def test_parts_add_up(prices: Prices, energy_wh: int, border_wh: int, seconds: int, over_s: int) -> None:
    over_at = FRIDAY + timedelta(seconds=over_s)
    usage = Usage(energy_wh, FRIDAY, over_at + timedelta(seconds=seconds), energy_wh, (border_wh,) * 4, over_at)
    found = of(prices, usage)
    assert found is not None
    assert sum(paid.cost.amount for paid in found.parts) == tariff.cost(prices, usage).amount
    energies = [paid.quantity for paid in found.parts if paid.part is Part.ENERGY]
    assert sum(energies) == energy_wh
    for paid in found.parts:
        per = {Part.ENERGY: 1000, Part.TIME: 60, Part.IDLE: 60}.get(paid.part, 1)
        assert abs(paid.quantity * paid.price / per - Fraction(paid.cost.amount)) <= Fraction(1, 200)
        assert (abs(paid.cost.amount) <= Decimal("0.10")) if paid.part is Part.ROUNDING else paid.cost.amount >= 0


def test_fee_is_the_same_for_everybody() -> None:
    prices = Prices("EUR", Decimal("0.39"), per_session=Decimal("0.35"), tax_percent=Decimal(19))
    for energy_wh, rounding in ((250, "-0.01"), (1000, "0")):
        found = of(prices, Usage(energy_wh, FRIDAY, FRIDAY + 60 * MINUTE, energy_wh))
        assert found is not None
        amounts = {paid.part: paid.cost.amount for paid in found.parts}
        assert amounts[Part.SESSION] == Decimal("0.42")
        assert amounts.get(Part.ROUNDING, Decimal(0)) == Decimal(rounding)


@pytest.mark.both_databases
def test_page(client: FlaskClient, cast: Cast, ingest: Ingest) -> None:
    telling = Telling(ingest, cast.depot_7.id, cast.ada.id_tag, now().replace(minute=30, second=0) - timedelta(hours=5))
    hour = (telling.started_at + timedelta(hours=1)).hour
    administration.set_tariff(
        "Main", per_kwh=Decimal("0.30"), tax_percent=Decimal(20), idle_per_minute=Decimal("0.10"), idle_grace_min=10,
        windows=[f"daily {hour:02}:00-{hour + 1:02}:00 0.50 per kWh"], actor=ACTOR, now=now() - timedelta(hours=20),
    )  # fmt: skip
    number = telling.start(1000)
    telling.meter(1800, 3000)
    telling.meter(3600, 6000)
    ChargingSession.update(over_at=telling.started_at + timedelta(seconds=3600)).execute()
    forms.sign_in(client, cast.ada)
    assert "What it cost" not in client.get(f"/sessions/{number}").text
    telling.end(3600 + 35 * 60, 6000)
    shown = text_of(client.get(f"/sessions/{number}").text)
    assert "What it cost" in shown
    assert re.search(rf"(2\.000|1\.999) kWh €0\.60 per kWh · daily {hour:02}:00–{hour + 1:02}:00 €1\.20", shown)
    assert re.search(r"3\.00[01] kWh €0\.36 per kWh · at all other times €1\.08", shown)
    assert "After charging The car stood for 35 min. Free: 10 min. At €0.12 per minute: 25 min. €3.00" in shown
    assert "Estimated cost €5.28" in shown
    assert "Prices include 20 % tax. Their times are those of UTC." in shown
