"""The cost of a session under the tariff that was in force at its start.

All arithmetic is Decimal. The parts (energy and time by window, idling, session) are exact; tax is added to their sum;
only the total is rounded, half up, to the currency's number of digits (from CLDR, by Babel), as on a receipt. `lines`
has each of them. There is no other way to a cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from babel.numbers import get_currency_precision

from polaris.domain.price_windows import Schedule, Window, from_json
from polaris.domain.usage import Usage, idle_s, shares


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices before tax, in `currency` (ISO 4217): per kWh, per minute, per session. `tax_percent` is added.

    In a window of the `schedule`, its prices take the place of those per kWh and per minute. Beside the price of a
    minute, `idle_per_minute` is that of a minute after charging is over, from `idle_grace_s` seconds on.
    """

    currency: str
    per_kwh: Decimal
    per_minute: Decimal = Decimal(0)
    per_session: Decimal = Decimal(0)
    tax_percent: Decimal = Decimal(0)
    idle_per_minute: Decimal = Decimal(0)
    idle_grace_s: int = 0
    schedule: Schedule | None = None

    @classmethod
    def of(cls, row: Any) -> Prices | None:
        """Return the prices of a row with the columns of a tariff; None if they are null."""
        if row.currency is None:
            return None
        return cls(
            row.currency,
            row.per_kwh,
            row.per_minute,
            row.per_session,
            row.tax_percent,
            row.idle_per_minute,
            row.idle_grace_s,
            from_json(row.schedule),
        )

    def in_window(self, window: Window | None) -> tuple[Decimal, Decimal]:
        """Return the prices of a kWh and of a minute in a window, in none with None."""
        return (self.per_kwh, self.per_minute) if window is None else (window.per_kwh, window.per_minute)


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str


class Part(StrEnum):
    """A part of a cost."""

    ENERGY = "energy"
    TIME = "time"
    IDLE = "idle"
    SESSION = "session"
    TAX = "tax"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a cost as an exact amount, which a price per minute may make a third of a cent.

    `quantity` (Wh, seconds or 1) times `price` is the amount, but for tax and rounding.
    """

    part: Part
    amount: Fraction
    window: Window | None = None
    quantity: int = 1
    price: Decimal = Decimal(0)


# Parts are computed in this fraction of the currency, in which they have no division: prices are per 1000 Wh, per 60 s
# and per cent. Rounded thirds of a cent could add up to another cent.
_UNITS = 1000 * 60 * 100
_PER = {Part.ENERGY: 1000, Part.TIME: 60, Part.IDLE: 60, Part.SESSION: 1}


def cost(tariff: Prices, usage: Usage) -> Money:
    """Return what a session has cost, including tax. An energy that is not known counts as none."""
    net = sum((_units(part, price, quantity) for part, _, quantity, price in _priced(tariff, usage)), Decimal(0))
    return _rounded(net + net * tariff.tax_percent / 100, tariff.currency)


def estimate(tariff: Prices | None, usage: Usage, *, is_idle_refusal: bool) -> Money | None:
    """Return a session's cost as it is shown; None without prices or a known energy, or if its card was refused."""
    if tariff is None or usage.energy_wh is None or is_idle_refusal:
        return None
    return cost(tariff, usage)


def lines(tariff: Prices, usage: Usage) -> tuple[Line, ...]:
    """Return the lines of a cost, the last of which is what rounding adds: their sum is the cost."""
    found = [
        Line(part, Fraction(_units(part, price, quantity)) / _UNITS, window, quantity, price)
        for part, window, quantity, price in _priced(tariff, usage)
    ]
    net = sum(line.amount for line in found)
    tax = net * Fraction(tariff.tax_percent) / 100
    rounding = Fraction(cost(tariff, usage).amount) - net - tax
    return (*found, Line(Part.TAX, tax), Line(Part.ROUNDING, rounding))


def _priced(tariff: Prices, usage: Usage) -> Iterator[tuple[Part, Window | None, int, Decimal]]:
    """Yield what a session pays for, before tax: its part, window, quantity and price."""
    for share in shares(usage, tariff.schedule):
        per_kwh, per_minute = tariff.in_window(share.window)
        yield Part.ENERGY, share.window, share.energy_wh, per_kwh
        yield Part.TIME, share.window, share.seconds, per_minute
    yield Part.IDLE, None, idle_s(usage, tariff.idle_grace_s), tariff.idle_per_minute
    yield Part.SESSION, None, 1, tariff.per_session


def _units(part: Part, price: Decimal, quantity: int) -> Decimal:
    return price * (quantity * _UNITS // _PER[part])


def _rounded(units: Decimal, currency: str) -> Money:
    digit = Decimal(1).scaleb(-get_currency_precision(currency))
    return Money((units / Decimal(_UNITS)).quantize(digit, rounding=ROUND_HALF_UP), currency)
