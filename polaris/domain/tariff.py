"""Money: what a session costs under the tariff that was in force at its start.

All arithmetic is Decimal. Each part (energy, time, session) is exact; tax is added on their sum; the total alone is
rounded, half up, to the digits that the currency is written with (CLDR's data, in Babel), as a receipt is.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import get_currency_precision


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices before tax, in `currency` (ISO 4217): per kWh, per minute, per session. `tax_percent` comes on top."""

    currency: str
    per_kwh: Decimal
    per_minute: Decimal = Decimal(0)
    per_session: Decimal = Decimal(0)
    tax_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str


def cost(tariff: Tariff, energy_wh: int, duration_s: int) -> Money:
    """What `energy_wh` over `duration_s` costs, tax included."""
    net = tariff.per_kwh * energy_wh / 1000 + tariff.per_minute * max(0, duration_s) / 60 + tariff.per_session
    gross = net * (1 + tariff.tax_percent / 100)
    unit = Decimal(1).scaleb(-get_currency_precision(tariff.currency))
    return Money(gross.quantize(unit, rounding=ROUND_HALF_UP), tariff.currency)
