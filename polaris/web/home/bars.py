"""Energy and cost by days, weeks or months: the bars of an SVG picture, from the sums of days.

Amounts of different currencies are never added up: each has bars of its own. The template stretches a picture to the
screen and prints the ticks as text beside it, as with a session's curve.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from babel.numbers import get_currency_precision
from msgspec import Struct

from polaris.domain.days import DaySum, Sums
from polaris.domain.tariff import Money
from polaris.web.sessions.chart import HEIGHT, ROWS, WIDTH, ticks

DAY = timedelta(days=1)
GAP = 0.25  # of a bar's place


class Period(StrEnum):
    """The time that a bar stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


COUNTS = {Period.DAY: 30, Period.WEEK: 26, Period.MONTH: 12}


class Bar(Struct, frozen=True):
    """A day, a week from Monday on, or a month: its first and its last day, Wh, and what they cost."""

    first: date
    last: date
    energy_wh: int
    costs: tuple[Money, ...]  # by currency


class Bars(Struct, frozen=True):
    """The newest periods, oldest first; `unknown` sessions are in none, as their energy is not known."""

    period: Period
    bars: tuple[Bar, ...]
    unknown: int
    is_incomplete: bool  # sessions of before are still added up

    @property
    def energy_wh(self) -> int:
        return sum(bar.energy_wh for bar in self.bars)

    @property
    def costs(self) -> tuple[Money, ...]:
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for bar in self.bars:
            for cost in bar.costs:
                sums[cost.currency] += cost.amount
        return tuple(Money(sums[currency], currency) for currency in sorted(sums))

    @property
    def filled(self) -> tuple[Bar, ...]:
        """The periods with anything in them, newest first."""
        return tuple(bar for bar in reversed(self.bars) if bar.energy_wh or bar.costs)


class Picture(Struct, frozen=True):
    """The bars of one quantity, "" for energy in kWh, else a currency: SVG paths, and the ticks from low to high."""

    currency: str
    grid: str
    path: str
    ticks: tuple[float, ...]
    most: float


def first_day(period: Period, today: date) -> date:
    """Return the first day that the bars until today show."""
    return _begins(period, today, COUNTS[period] - 1)


def bars(period: Period, sums: Sums, today: date) -> Bars:
    """Add days up. A site may be a day ahead: then its day is the last."""
    last = max([today, *(one.day for one in sums.days)])
    begins = [_begins(period, last, back) for back in reversed(range(COUNTS[period]))]
    parts: defaultdict[date, list[DaySum]] = defaultdict(list)
    for one in sums.days:
        parts[_begins(period, one.day)].append(one)
    found = tuple(_bar(period, first, parts[first]) for first in begins)
    unknown = sum(one.unknown for first in begins for one in parts[first])
    return Bars(period, found, unknown, sums.is_incomplete)


def pictures(bars: Bars) -> list[Picture]:
    """Draw the energy and each currency; nothing without any energy or cost."""
    drawn = [_picture("", [bar.energy_wh / 1000 for bar in bars.bars])] if bars.energy_wh else []
    for total in bars.costs:
        amounts = [
            sum(float(cost.amount) for cost in bar.costs if cost.currency == total.currency) for bar in bars.bars
        ]
        if any(amounts):
            drawn.append(_picture(total.currency, amounts))
    return drawn


def _bar(period: Period, first: date, sums: Sequence[DaySum]) -> Bar:
    amounts: defaultdict[str, int] = defaultdict(int)
    for one in sums:
        if one.currency:
            amounts[one.currency] += one.amount
    costs = tuple(_money(amounts[currency], currency) for currency in sorted(amounts))
    return Bar(first, _begins(period, first, -1) - DAY, sum(one.energy_wh for one in sums), costs)


def _money(amount: int, currency: str) -> Money:
    return Money(Decimal(amount).scaleb(-get_currency_precision(currency)), currency)


def _begins(period: Period, day: date, back: int = 0) -> date:
    """Return the first day of the period that a day is in, or of one so many before it."""
    if period is Period.DAY:
        return day - back * DAY
    if period is Period.WEEK:
        return day - (day.weekday() + 7 * back) * DAY
    months = day.year * 12 + day.month - 1 - back
    return date(months // 12, months % 12 + 1, 1)


def _picture(currency: str, values: Sequence[float]) -> Picture:
    scale = ticks(max(values))
    place = WIDTH / len(values)
    path = "".join(
        f"M{round((index + GAP / 2) * place)} {HEIGHT}v{-round(HEIGHT * value / scale[-1])}"
        f"h{round((1 - GAP) * place)}V{HEIGHT}z"
        for index, value in enumerate(values)
        if value > 0
    )
    grid = "".join(f"M0 {HEIGHT * row // ROWS}H{WIDTH}" for row in range(ROWS + 1))
    return Picture(currency, grid, path, scale, max(values))
