"""Prices of energy at a site. A tariff never changes: another price is another version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Required, TypedDict, Unpack

from polaris.administration import tariff_words
from polaris.administration.audit import Refused, record
from polaris.administration.sites import find_site, last_tariff
from polaris.domain import window_text, zones
from polaris.domain.price_windows import Schedule, Window, to_json
from polaris.domain.tariff import Prices
from polaris.domain.window_text import Unreadable
from polaris.models import Tariff, blocking, database

MAX_PRICE = Decimal(100_000)
MAX_TAX_PERCENT = Decimal(100)
MAX_DECIMALS = 6
MAX_GRACE_MIN = 24 * 60
_NOTHING = Decimal(0)


class AskedPrices(TypedDict, total=False):
    """Prices before tax as a person asks for them; `windows` are the lines of `domain.window_text`."""

    per_kwh: Required[Decimal]
    per_minute: Decimal
    per_session: Decimal
    tax_percent: Decimal
    idle_per_minute: Decimal
    idle_grace_min: int
    windows: Sequence[str]


@blocking
def set_tariff(site: str, *, actor: str, now: datetime, **asked: Unpack[AskedPrices]) -> Prices:
    """Set the prices, in the site's currency, of the sessions that start from now on; return them."""
    with database.atomic():
        row = find_site(site)
        prices = checked_prices(row.currency, row.time_zone, **asked)
        last = last_tariff(row)
        if last is None or last.prices() != prices:
            Tariff.create(
                site=row,
                valid_from_at=now,
                currency=prices.currency,
                per_kwh=prices.per_kwh,
                per_minute=prices.per_minute,
                per_session=prices.per_session,
                tax_percent=prices.tax_percent,
                idle_per_minute=prices.idle_per_minute,
                idle_grace_s=prices.idle_grace_s,
                schedule=to_json(prices.schedule),
            )
            before = "none" if last is None else tariff_words.detail(last.prices())
            record(actor, "tariff.set", row.name, now, f"{before} to {tariff_words.detail(prices)}")
    return prices


def checked_prices(currency: str, time_zone: str, **asked: Unpack[AskedPrices]) -> Prices:
    """Return prices that a tariff can have, whose windows are of this zone. Raise `Refused`."""
    per_minute, idle_per_minute = asked.get("per_minute", _NOTHING), asked.get("idle_per_minute", _NOTHING)
    grace_min = asked.get("idle_grace_min", 0)
    if not 0 <= grace_min <= MAX_GRACE_MIN:
        raise Refused(f"Grace: {grace_min} is not a number of minutes from 0 to {MAX_GRACE_MIN}.")
    windows = _windows(asked.get("windows", ()), per_minute)
    if windows and zones.known(time_zone) is None:
        raise Refused(f"The site's time zone {time_zone} is not known here any more. Set another one first.", "windows")
    return Prices(
        currency,
        _amount("per_kwh", "Price of a kWh", asked["per_kwh"], MAX_PRICE),
        _amount("per_minute", "Price of a minute", per_minute, MAX_PRICE),
        _amount("per_session", "Price of a session", asked.get("per_session", _NOTHING), MAX_PRICE),
        _amount("tax", "Tax", asked.get("tax_percent", _NOTHING), MAX_TAX_PERCENT),
        _amount("idle_per_minute", "Price of a minute after charging", idle_per_minute, MAX_PRICE),
        60 * grace_min if idle_per_minute else 0,
        Schedule(time_zone, windows) if windows else None,
    )


def _windows(lines: Sequence[str], per_minute: Decimal) -> tuple[Window, ...]:
    try:
        windows = window_text.read(lines, per_minute)
    except Unreadable as problem:
        raise Refused(str(problem), "windows") from None
    for window in windows:
        _amount("windows", "Price of a kWh", window.per_kwh, MAX_PRICE)
        _amount("windows", "Price of a minute", window.per_minute, MAX_PRICE)
    return windows


def _amount(field: str, name: str, value: Decimal, maximum: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent  # a letter if the value is not finite
    if not isinstance(exponent, int) or not 0 <= value <= maximum or -exponent > MAX_DECIMALS:
        sentence = f"{name}: {value} is not a number from 0 to {maximum} with at most {MAX_DECIMALS} decimals."
        raise Refused(sentence, field)
    return abs(value)
