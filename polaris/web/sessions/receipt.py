"""The cost of an ended session by its parts, for its driver: with tax, in figures that add up to those of the page."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from babel.numbers import get_currency_precision
from msgspec import Struct

from polaris.domain.price_windows import Window
from polaris.domain.tariff import Line, Money, Part, Prices, lines
from polaris.domain.usage import Usage, idle_s

_PARTS = (Part.ENERGY, Part.TIME, Part.IDLE, Part.SESSION)


class Paid(Struct, frozen=True):
    """A part of the cost: Wh, seconds or 1, times the price of a kWh, a minute or a session, to the cent.

    The last one may be the rounding: the total is that of the exact amounts, which the rounded ones can miss by cents.
    """

    part: Part
    window: Window | None
    quantity: int
    price: Fraction
    cost: Money


class Receipt(Struct, frozen=True):
    """The parts of a cost. `stood_s` is how long the car stood after charging, if that has a price."""

    prices: Prices
    parts: tuple[Paid, ...]
    stood_s: int

    @property
    def free_s(self) -> int:
        """The part of the time after charging that cost nothing."""
        return min(self.stood_s, self.prices.idle_grace_s)

    @property
    def has_windows(self) -> bool:
        return self.prices.schedule is not None


def receipt(prices: Prices | None, usage: Usage, cost: Money | None, *, min_parts: int = 2) -> Receipt | None:
    """Return the parts of a cost; None if there is none, or, but on paper, one part alone, which is all of it."""
    if prices is None or cost is None:
        return None
    stood_s = idle_s(usage, 0) if prices.idle_per_minute else 0
    found = [line for line in lines(prices, usage) if _is_told(line, stood_s)]
    if len(found) < min_parts:
        return None
    digit = Decimal(1).scaleb(-get_currency_precision(cost.currency))
    with_tax = 1 + Fraction(prices.tax_percent) / 100
    parts = [
        Paid(
            line.part,
            line.window,
            line.quantity,
            Fraction(line.price) * with_tax,
            Money(_half_up(line.amount * with_tax, digit), cost.currency),
        )
        for line in found
    ]
    rounding = cost.amount - sum(paid.cost.amount for paid in parts)
    if rounding:
        parts.append(Paid(Part.ROUNDING, None, 1, Fraction(rounding), Money(rounding, cost.currency)))
    return Receipt(prices, tuple(parts), stood_s)


def tax(receipt: Receipt, cost: Money) -> Money | None:
    """Return the tax in a cost; None if there is none."""
    percent = receipt.prices.tax_percent
    digit = Decimal(1).scaleb(-get_currency_precision(cost.currency))
    amount = (cost.amount * percent / (100 + percent)).quantize(digit, ROUND_HALF_UP)
    return Money(amount, cost.currency) if percent else None


def _is_told(line: Line, stood_s: int) -> bool:
    """Whether a part costs something, or would be missed: energy that is free, and a time after charging that is."""
    is_free_energy = line.part is Part.ENERGY and line.quantity > 0
    return line.part in _PARTS and (line.amount > 0 or is_free_energy or (line.part is Part.IDLE and stood_s > 0))


def _half_up(amount: Fraction, digit: Decimal) -> Decimal:
    return int(amount / Fraction(digit) + Fraction(1, 2)) * digit
