"""The cost of a session by its parts, in words, for the page that says where its figures come from."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from babel.numbers import format_decimal, get_currency_precision
from flask import Flask
from msgspec import Struct

from polaris.domain import tariff
from polaris.domain.tariff import Line, Money, Part, Prices
from polaris.domain.usage import idle_from
from polaris.models import ChargingSession, Tariff
from polaris.rendering.price_words import decimal, exact, exact_money, window_words
from polaris.rendering.translations import gettext, locale
from polaris.web.sessions.view import SessionView


class PriceLine(Struct, frozen=True):
    """A line of the cost: its exact amount, when it was, and the words for how it comes about.

    The quantity (Wh, seconds or 1) and the price are those that the amount is made of.
    """

    part: Part
    amount: Fraction
    times: str  # of the window, "" if the prices are the same at all times
    text: str
    quantity: int
    price: Decimal
    since: datetime | None = None  # of idling: after its grace


class Bill(Struct, frozen=True):
    """A session's cost under the version of its site's prices that was in force when it began."""

    version: int
    valid_from_at: datetime
    prices: Prices
    lines: tuple[PriceLine, ...]
    cost: Money

    @property
    def digits(self) -> int:
        """Return the number of digits that the cost is rounded to."""
        return get_currency_precision(self.prices.currency)

    @property
    def is_abridged(self) -> bool:
        """Whether an amount has more digits than are shown."""
        return any(decimal(line.amount)[1] for line in self.lines)

    @property
    def is_split(self) -> bool:
        """Whether the energy is that of several windows."""
        return len({line.times for line in self.lines if line.part is Part.ENERGY}) > 1


def bill_of(session: SessionView, row: ChargingSession, now: datetime) -> Bill | None:
    """Return the cost as the session's page has it, by its parts; None if it has none."""
    if session.cost is None or session.energy_wh is None or row.tariff_id is None:
        return None
    version = Tariff.get_by_id(row.tariff_id)
    is_earlier = (Tariff.valid_from_at < version.valid_from_at) | (
        (Tariff.valid_from_at == version.valid_from_at) & (Tariff.id <= version.id)
    )
    number = Tariff.select().where(Tariff.site == version.site_id, is_earlier).count()
    prices, usage = version.prices(), row.usage(now)
    lines = tariff.lines(prices, usage)
    net = sum((line.amount for line in lines if line.part not in (Part.TAX, Part.ROUNDING)), Fraction())
    since = idle_from(usage, prices.idle_grace_s)
    shown = [line for line in lines if line.amount or line.part is Part.ENERGY]
    priced = tuple(_priced(line, prices, net, since) for line in shown)
    return Bill(number, version.valid_from_at, prices, priced, session.cost)


def _priced(line: Line, prices: Prices, net: Fraction, since: datetime | None) -> PriceLine:
    has_times = prices.schedule is not None and line.part in (Part.ENERGY, Part.TIME)
    return PriceLine(
        line.part,
        line.amount,
        window_words(line.window) if has_times else "",
        _words(line, prices, net),
        line.quantity,
        line.price,
        since if line.part is Part.IDLE else None,
    )


def _words(line: Line, prices: Prices, net: Fraction) -> str:
    price = exact_money(Fraction(line.price), prices.currency)
    match line.part:
        case Part.ENERGY:
            return gettext("%(kwh)s kWh × %(price)s per kWh", kwh=exact_kwh(line.quantity), price=price)
        case Part.TIME | Part.IDLE:
            return gettext("%(seconds)s s × %(price)s per minute", seconds=exact(line.quantity), price=price)
        case Part.SESSION:
            return gettext("per session")
        case Part.TAX:
            percent = format_decimal(prices.tax_percent, "#,##0.######", locale=locale())
            return gettext("%(percent)s %% tax on %(net)s", percent=percent, net=exact_money(net, prices.currency))
        case Part.ROUNDING:
            return gettext("rounded, half up")


def register(app: Flask) -> None:
    """Add this page's filter to the app's Jinja environment."""
    app.add_template_filter(exact_kwh)


def exact_kwh(energy_wh: int) -> str:
    """Format energy in kWh, to the Wh."""
    return format_decimal(Decimal(energy_wh) / 1000, "#,##0.000", locale=locale())
