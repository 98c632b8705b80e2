"""Prices in words, alike for drivers, operators and the command line, and amounts of money with all of their digits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from babel.numbers import format_currency, format_decimal
from flask import Flask

from polaris.domain.tariff import Money, Prices
from polaris.rendering.filters import NOTHING, money
from polaris.rendering.translations import gettext, locale

_DIGITS = 6  # of an amount of money that has more: thirds of a cent


def register(app: Flask) -> None:
    """Add the filters to the app's Jinja environment."""
    for filter_ in (exact, exact_money, price_words, net_price_words, signed_money):
        app.add_template_filter(filter_)


def price_words(prices: Prices | None) -> str:
    """Say what a driver pays: "€0.4641 per kWh + €0.35 per session, incl. 19 % tax"."""
    if prices is None:
        return gettext("no prices")
    words = _sum_of_prices(prices, 1 + prices.tax_percent / 100)
    if not prices.tax_percent:
        return words
    return gettext("%(prices)s, incl. %(percent)s %% tax", prices=words, percent=exact(Fraction(prices.tax_percent)))


def net_price_words(prices: Prices) -> str:
    """Say the prices as they were entered: before tax."""
    words = _sum_of_prices(prices, Decimal(1))
    if not prices.tax_percent:
        return words
    return gettext("%(prices)s, plus %(percent)s %% tax", prices=words, percent=exact(Fraction(prices.tax_percent)))


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


def _sum_of_prices(prices: Prices, factor: Decimal) -> str:
    parts = (
        (prices.per_kwh, gettext("per kWh")),
        (prices.per_minute, gettext("per minute")),
        (prices.per_session, gettext("per session")),
    )
    charged = [(price, unit) for price, unit in parts if price] or parts[:1]
    return " + ".join(f"{exact_money(Fraction(price * factor), prices.currency)} {unit}" for price, unit in charged)
