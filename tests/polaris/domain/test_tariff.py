"""Money: exact parts, one rounding, the currency's own digits."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.tariff import Money, Part, Prices, cost, lines
from polaris.domain.usage import Usage

BEGIN = datetime(2026, 6, 5, 12, tzinfo=UTC)
EURO = Prices("EUR", Decimal("0.39"), Decimal("0.02"), Decimal("0.35"), Decimal("19"))


def used(energy_wh: int, duration_s: int) -> Usage:
    return Usage(energy_wh, BEGIN, BEGIN + timedelta(seconds=duration_s))


@pytest.mark.parametrize(
    ("tariff", "energy_wh", "duration_s", "expected"),
    [
        (EURO, 0, 0, Money(Decimal("0.42"), "EUR")),  # 0.35 × 1.19 = 0.4165
        (EURO, 10_000, 3600, Money(Decimal("6.49"), "EUR")),  # (3.90 + 1.20 + 0.35) × 1.19 = 6.4855
        (Prices("EUR", Decimal("0.005")), 1000, 0, Money(Decimal("0.01"), "EUR")),  # half a cent goes up
        (Prices("JPY", Decimal("31.5")), 1000, 0, Money(Decimal("32"), "JPY")),
        (Prices("KWD", Decimal("0.0125")), 1000, 0, Money(Decimal("0.013"), "KWD")),
        (Prices("EUR", Decimal(0), Decimal("0.01"), tax_percent=Decimal(20)), 0, 125, Money(Decimal("0.03"), "EUR")),
        (EURO, 0, -5, Money(Decimal("0.42"), "EUR")),
    ],
)
def test_cost(tariff: Prices, energy_wh: int, duration_s: int, expected: Money) -> None:
    assert cost(tariff, used(energy_wh, duration_s)) == expected


price = st.decimals(0, 100, places=4)


@given(st.builds(Prices, st.just("EUR"), price, price, price, price), st.integers(0, 10**7), st.integers(0, 10**6))
def test_cost_is_monotonic(tariff: Prices, energy_wh: int, duration_s: int) -> None:
    amount = cost(tariff, used(energy_wh, duration_s)).amount
    assert cost(tariff, used(energy_wh + 1000, duration_s)).amount >= amount >= 0
    assert cost(tariff, used(energy_wh, duration_s + 60)).amount >= amount
    assert amount == amount.quantize(Decimal("0.01"))


@given(st.builds(Prices, st.just("EUR"), price, price, price, price), st.integers(0, 10**7), st.integers(0, 10**6))
def test_lines_add_up_to_cost(tariff: Prices, energy_wh: int, duration_s: int) -> None:
    parts = {line.part: line.amount for line in lines(tariff, used(energy_wh, duration_s))}
    assert tuple(parts) == tuple(Part)
    assert sum(parts.values()) == Fraction(cost(tariff, used(energy_wh, duration_s)).amount)
    net = parts[Part.ENERGY] + parts[Part.TIME] + parts[Part.SESSION]
    assert parts[Part.TIME] == Fraction(tariff.per_minute) * duration_s / 60
    assert parts[Part.TAX] == net * Fraction(tariff.tax_percent) / 100
    assert -Fraction(1, 200) < parts[Part.ROUNDING] <= Fraction(1, 200)
