"""Prices of energy at a site. A tariff never changes: another price is another version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Required, TypedDict, Unpack

from polaris.administration import tariff_words
from polaris.administration.audit import AlreadySo, Refused, record
from polaris.administration.sites import find_site, last_tariff
from polaris.domain import window_text, zones
from polaris.domain.price_windows import Schedule, to_json
from polaris.domain.sentences import N_, say, together
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
    """Set the prices, in the site's currency, of the sessions that start from now on; return them.

    Raise `AlreadySo` if they are in force.
    """
    with database.atomic():
        row = find_site(site)
        prices = checked_prices(row.currency, row.time_zone, **asked)
        last = last_tariff(row)
        before = None if last is None else last.prices()
        if before == prices:
            raise AlreadySo(say("That is so already."))
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
        record(actor, "tariff.set", row.name, now, _audited(before, prices))
    return prices


def _audited(before: Prices | None, prices: Prices) -> str:
    if before is None:
        return tariff_words.detail(prices)
    return ", ".join(f"{label}: {was} to {now}" for label, was, now in tariff_words.changes(before, prices))


def checked_prices(currency: str, time_zone: str, **asked: Unpack[AskedPrices]) -> Prices:
    """Return prices that a tariff can have, whose windows are of this zone. Raise `Refused` with all that is wrong."""
    asked.setdefault("idle_per_minute", _NOTHING)
    problems = price_problems(time_zone, **asked)
    if problems:
        raise Refused(together(*problems.values()), next(iter(problems)))
    per_minute = asked.get("per_minute", _NOTHING)
    windows = window_text.read(asked.get("windows", ()), per_minute)
    return Prices(
        currency,
        abs(asked["per_kwh"]),  # a minus before 0 is none
        abs(per_minute),
        abs(asked.get("per_session", _NOTHING)),
        abs(asked.get("tax_percent", _NOTHING)),
        abs(asked["idle_per_minute"]),
        60 * asked.get("idle_grace_min", 0),
        Schedule(time_zone, windows) if windows else None,
    )


def price_problems(time_zone: str, **asked: Unpack[AskedPrices]) -> dict[str, str]:
    """Return all that is wrong with prices, some of which may be missing, in sentences, by the field of the form."""
    grace_min = asked.get("idle_grace_min", 0)
    problems = {
        "per_kwh": _amount("per_kwh", asked.get("per_kwh"), MAX_PRICE),
        "per_minute": _amount("per_minute", asked.get("per_minute"), MAX_PRICE),
        "per_session": _amount("per_session", asked.get("per_session"), MAX_PRICE),
        "windows": _windows(asked.get("windows", ()), time_zone),
        "idle_per_minute": _amount("idle_per_minute", asked.get("idle_per_minute"), MAX_PRICE),
        "tax": _amount("tax", asked.get("tax_percent"), MAX_TAX_PERCENT),
    }
    if not 0 <= grace_min <= MAX_GRACE_MIN:
        text = N_("Grace: %(minutes)s is not a number of minutes from 0 to %(limit)s.")
        problems["idle_grace_min"] = say(text, minutes=grace_min, limit=MAX_GRACE_MIN)
    elif grace_min and asked.get("idle_per_minute") == 0:
        problems["idle_grace_min"] = say(
            "Grace: a minute after charging costs nothing, so %(minutes)s min of grace change nothing. "
            "Give that minute a price, or the grace 0.",
            minutes=grace_min,
        )
    return {field: sentence for field, sentence in problems.items() if sentence}


def _windows(lines: Sequence[str], time_zone: str) -> str:
    try:
        windows = window_text.read(lines, _NOTHING)
    except Unreadable as problem:
        return problem.sentence
    if windows and zones.known(time_zone) is None:
        text = N_("The site's time zone %(time_zone)s is not known here any more. Set another one first.")
        return say(text, time_zone=time_zone)
    prices = [(name, getattr(window, name)) for window in windows for name in ("per_kwh", "per_minute")]
    return together(*(_amount(name, price, MAX_PRICE) for name, price in prices))


def _amount(name: str, value: Decimal | None, maximum: Decimal) -> str:
    if value is None:
        return ""
    exponent = value.as_tuple().exponent  # a letter if the value is not finite
    if isinstance(exponent, int) and 0 <= value <= maximum and -exponent <= MAX_DECIMALS:
        return ""
    return say(
        "%(label)s: %(value)s is not a number from 0 to %(maximum)s with at most %(decimals)s decimals.",
        label=say(tariff_words.LABELS[name]),
        value=str(value),
        maximum=str(maximum),
        decimals=MAX_DECIMALS,
    )
