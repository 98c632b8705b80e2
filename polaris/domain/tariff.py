"""The cost of a session under the tariff that was in force at its start.

All arithmetic is Decimal. The parts (energy, time, session) are exact; tax is added to their sum; only the total is
rounded, half up, to the currency's number of digits (from CLDR, by Babel), as on a receipt. `lines` has each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction

from babel.numbers import get_currency_precision


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices before tax, in `currency` (ISO 4217): per kWh, per minute, per session. `tax_percent` is added."""

    currency: str
    per_kwh: Decimal
    per_minute: Decimal = Decimal(0)
    per_session: Decimal = Decimal(0)
    tax_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str


class Part(StrEnum):
    """A part of a cost."""

    ENERGY = "energy"
    TIME = "time"
    SESSION = "session"
    TAX = "tax"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a cost as an exact amount, which a price per minute may make a third of a cent."""

    part: Part
    amount: Fraction


# Parts are computed in this fraction of the currency, in which they have no division: prices are per 1000 Wh, per 60 s
# and per cent. Rounded thirds of a cent could add up to another cent.
_UNITS = 1000 * 60 * 100


def cost(tariff: Prices, energy_wh: int, duration_s: int) -> Money:
    """Return the cost of `energy_wh` over `duration_s`, including tax."""
    return _rounded(sum(_parts(tariff, energy_wh, duration_s)), tariff.currency)


def estimate(tariff: Prices | None, energy_wh: int | None, duration_s: int, *, is_idle_refusal: bool) -> Money | None:
    """Return a session's cost as it is shown; None without prices or a known energy, or if its card was refused."""
    if tariff is None or energy_wh is None or is_idle_refusal:
        return None
    return cost(tariff, energy_wh, duration_s)


def lines(tariff: Prices, energy_wh: int, duration_s: int) -> tuple[Line, ...]:
    """Return the lines of a cost, the last of which is what rounding adds: their sum is the cost."""
    amounts = [Fraction(part) / _UNITS for part in _parts(tariff, energy_wh, duration_s)]
    rounding = Fraction(cost(tariff, energy_wh, duration_s).amount) - sum(amounts)
    return tuple(Line(part, amount) for part, amount in zip(Part, (*amounts, rounding), strict=True))


def _parts(tariff: Prices, energy_wh: int, duration_s: int) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return energy, time, session and tax, in `_UNITS`."""
    energy = tariff.per_kwh * (energy_wh * _UNITS // 1000)
    time = tariff.per_minute * (max(0, duration_s) * _UNITS // 60)
    session = tariff.per_session * _UNITS
    return energy, time, session, (energy + time + session) * tariff.tax_percent / 100


def _rounded(units: Decimal | int, currency: str) -> Money:
    digit = Decimal(1).scaleb(-get_currency_precision(currency))
    return Money((units / Decimal(_UNITS)).quantize(digit, rounding=ROUND_HALF_UP), currency)
