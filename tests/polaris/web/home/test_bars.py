"""The bars of Home: days, weeks and months until today, each currency by itself."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from polaris.domain.days import DaySum, Sums
from polaris.domain.tariff import Money
from polaris.web.home.bars import COUNTS, Bars, Period, bars, first_day, pictures

TODAY = date(2026, 11, 25)  # a Wednesday


def of(*sums: DaySum, period: Period = Period.DAY) -> Bars:
    return bars(period, Sums(list(sums), is_incomplete=False), TODAY)


def test_days_until_today() -> None:
    found = of(DaySum(TODAY, "EUR", 4000, 123, 0), DaySum(date(2026, 10, 27), "EUR", 1000, 50, 1))
    assert [bar.first for bar in found.bars] == [TODAY - timedelta(days=back) for back in reversed(range(30))]
    assert found.bars[-1].costs == (Money(Decimal("1.23"), "EUR"),)
    assert (found.energy_wh, found.costs, found.unknown) == (5000, (Money(Decimal("1.73"), "EUR"),), 1)
    assert [bar.energy_wh for bar in found.filled] == [4000, 1000]


def test_weeks_begin_on_monday() -> None:
    found = of(
        DaySum(date(2026, 11, 22), "", 1, 0, 0), DaySum(date(2026, 11, 23), "", 2, 0, 0), period=Period.WEEK
    ).bars
    assert [(bar.first, bar.last, bar.energy_wh) for bar in found[-2:]] == [
        (date(2026, 11, 16), date(2026, 11, 22), 1),
        (date(2026, 11, 23), date(2026, 11, 29), 2),
    ]


def test_months_over_the_turn_of_the_year() -> None:
    found = of(DaySum(date(2025, 12, 31), "", 5, 0, 0), period=Period.MONTH).bars
    assert [bar.first for bar in found[:2]] == [date(2025, 12, 1), date(2026, 1, 1)]
    assert (found[0].last, found[0].energy_wh) == (date(2025, 12, 31), 5)


@pytest.mark.parametrize("period", Period)
def test_first_day_is_of_the_first_bar(period: Period) -> None:
    found = of(period=period)
    assert (first_day(period, TODAY), len(found.bars)) == (found.bars[0].first, COUNTS[period])


def test_site_that_is_a_day_ahead() -> None:
    assert of(DaySum(TODAY + timedelta(days=1), "", 7, 0, 0)).bars[-1].energy_wh == 7


def test_currencies_are_never_added_up() -> None:
    found = of(DaySum(TODAY, "EUR", 4000, 123, 0), DaySum(TODAY, "JPY", 1000, 50, 0))
    assert found.costs == (Money(Decimal("1.23"), "EUR"), Money(Decimal(50), "JPY"))
    assert found.bars[-1].energy_wh == 5000
    assert [picture.currency for picture in pictures(found)] == ["", "EUR", "JPY"]


def test_picture_has_a_bar_for_each_day_with_energy() -> None:
    (energy,) = pictures(of(DaySum(TODAY, "", 4000, 0, 0), DaySum(date(2026, 11, 1), "", 2000, 0, 0)))
    assert energy.ticks == (0, 1, 2, 3, 4)
    assert re.findall(r"v(-\d+)", energy.path) == ["-1000", "-2000"]
    assert pictures(of()) == []
