"""The cost of a session under the tariff that was in force at its start.

All arithmetic is Decimal. The parts (energy, time, session) are exact; tax is added to their sum; only the total is
rounded, half up, to the currency's number of digits (from CLDR, by Babel), as on a receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

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


def cost(tariff: Prices, energy_wh: int, duration_s: int) -> Money:
    """Return the cost of `energy_wh` over `duration_s`, including tax."""
    net = tariff.per_kwh * energy_wh / 1000 + tariff.per_minute * max(0, duration_s) / 60 + tariff.per_session
    gross = net * (1 + tariff.tax_percent / 100)
    unit = Decimal(1).scaleb(-get_currency_precision(tariff.currency))
    return Money(gross.quantize(unit, rounding=ROUND_HALF_UP), tariff.currency)
