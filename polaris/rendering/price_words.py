"""Prices in words, alike for drivers, operators and the command line, and amounts of money with all of their digits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

from babel.dates import get_day_names
from babel.numbers import format_currency, format_decimal, get_currency_precision
from flask import Flask

from polaris.domain.price_windows import Schedule, Window, is_gapless
from polaris.domain.tariff import Money, Prices
from polaris.domain.window_text import DAYS, clock, days
from polaris.rendering.filters import NOTHING, money
from polaris.rendering.translations import gettext, locale

_DIGITS = 6  # of an amount of money that has more: thirds of a cent


class PriceAt(NamedTuple):
    """A price in words, when it holds, and whether that is now."""

    when: str
    price: str
    is_now: bool


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (
        exact,
        exact_money,
        idle_price,
        price_at,
        price_words,
        net_price_words,
        price_list,
        session_fee,
        signed_money,
        window_words,
    ):
        app.add_template_filter(filter_)


def price_words(prices: Prices | None) -> str:
    """Say what a driver pays: "€0.4641 per kWh + €0.35 per session, incl. 19 % tax"."""
    if prices is None:
        return gettext("no prices")
    words = _in_words(prices, _with_tax(prices))
    if prices.tax_percent:
        percent = exact(Fraction(prices.tax_percent))
        words = gettext("%(prices)s, incl. %(percent)s %% tax", prices=words, percent=percent)
    return _with_zone(words, prices)


def net_price_words(prices: Prices) -> str:
    """Say the prices as they were entered: before tax."""
    words = _in_words(prices, Decimal(1))
    if prices.tax_percent:
        percent = exact(Fraction(prices.tax_percent))
        words = gettext("%(prices)s, plus %(percent)s %% tax", prices=words, percent=percent)
    return _with_zone(words, prices)


def price_at(price: tuple[Decimal, Decimal], prices: Prices) -> str:
    """Say what a driver pays for a kWh and a minute at some time: "€0.4641 per kWh + €0.05 per minute"."""
    return _sum(_charged(*price), prices.currency, _with_tax(prices))


def price_list(prices: Prices, schedule: Schedule, present: Window | None) -> list[PriceAt]:
    """Return what a driver pays at each time of the week; in the present window, which is None between them, now."""
    times = _by_price(prices, schedule, _with_tax(prices))
    return [PriceAt(_when(windows), price, present in windows) for price, windows in times.items()]


def idle_price(prices: Prices) -> str:
    """Say what a driver pays for a minute of idling."""
    return exact_money(Fraction(prices.idle_per_minute * _with_tax(prices)), prices.currency)


def session_fee(prices: Prices) -> str:
    """Say what a driver pays for a session, to the cent, as on the receipt."""
    digit = Decimal(1).scaleb(-get_currency_precision(prices.currency))
    return money(Money((prices.per_session * _with_tax(prices)).quantize(digit, ROUND_HALF_UP), prices.currency))


def window_words(window: Window | None) -> str:
    """Say when a window is: "Mon–Fri 07:00–20:00"."""
    if window is None:
        return gettext("at all other times")
    names = get_day_names("abbreviated", locale=locale())
    of_week = [names[index] for index in range(len(DAYS))]
    on = days(window.days, of_week, daily=gettext("daily"), dash="–").replace(",", ", ")
    return f"{on} {clock(window.from_min)}–{clock(window.to_min)}"


def exact_money(amount: Fraction, currency: str) -> str:
    """Format an amount of money as `exact` does."""
    number, mark = decimal(amount)
    return mark + format_currency(number, currency, locale=locale(), decimal_quantization=False)


def exact(amount: Fraction | int) -> str:
    """Format a number with all of its digits, or with some and a mark if it has more."""
    number, mark = decimal(Fraction(amount))
    return mark + format_decimal(number, "#,##0.######", locale=locale())


def signed_money(difference: Money | None) -> str:
    """Format a difference with its sign."""
    if difference is None:
        return NOTHING
    sign = "+" if difference.amount > 0 else "−" if difference.amount < 0 else "±"
    return sign + money(Money(abs(difference.amount), difference.currency))


def decimal(amount: Fraction) -> tuple[Decimal, str]:
    """Return an amount with as many digits as are shown, and a mark if it has more."""
    rounded = round(amount, _DIGITS)
    return Decimal(rounded.numerator) / rounded.denominator, "" if rounded == amount else "≈ "


def _with_tax(prices: Prices) -> Decimal:
    return 1 + prices.tax_percent / 100


def _with_zone(words: str, prices: Prices) -> str:
    """Add the zone of the windows, which is the one that the site had when the prices were set."""
    if prices.schedule is None:
        return words
    return gettext("%(prices)s; times of day in %(zone)s", prices=words, zone=prices.schedule.zone)


def _in_words(prices: Prices, factor: Decimal) -> str:
    """Say all prices, times a factor. What there is in no window is said last of the windows."""
    schedule = prices.schedule
    per_session = [(prices.per_session, gettext("per session"))]
    if schedule is None:
        words = _sum([*_charged(*prices.in_window(None)), *per_session], prices.currency, factor)
    else:
        times = _by_price(prices, schedule, factor)
        words = "; ".join(
            gettext("%(when)s: %(price)s", when=_when(windows), price=price) for price, windows in times.items()
        )
        words += f"; {_sum(per_session, prices.currency, factor)}" if prices.per_session else ""
    if not prices.idle_per_minute:
        return words
    price = exact_money(Fraction(prices.idle_per_minute * factor), prices.currency)
    minutes = exact(Fraction(prices.idle_grace_s, 60))
    if not prices.idle_grace_s:
        return gettext("%(prices)s; after charging %(price)s per minute more", prices=words, price=price)
    return gettext(
        "%(prices)s; from %(minutes)s min after charging on %(price)s per minute more",
        prices=words,
        minutes=minutes,
        price=price,
    )


def _by_price(prices: Prices, schedule: Schedule, factor: Decimal) -> dict[str, list[Window | None]]:
    """Return the windows by their price in words. What there is in no window is last of them."""
    times: defaultdict[str, list[Window | None]] = defaultdict(list)
    for window in [*schedule.windows, *([] if is_gapless(schedule.windows) else [None])]:
        times[_sum(_charged(*prices.in_window(window)), prices.currency, factor)].append(window)
    return times


def _when(windows: Sequence[Window | None]) -> str:
    return ", ".join(map(window_words, windows))


def _charged(per_kwh: Decimal, per_minute: Decimal) -> list[tuple[Decimal, str]]:
    return [(per_kwh, gettext("per kWh")), (per_minute, gettext("per minute"))]


def _sum(parts: Sequence[tuple[Decimal, str]], currency: str, factor: Decimal) -> str:
    """Say a sum of prices without those that are 0, unless all are."""
    charged = [(price, unit) for price, unit in parts if price] or parts[:1]
    return " + ".join(f"{exact_money(Fraction(price * factor), currency)} {unit}" for price, unit in charged)
