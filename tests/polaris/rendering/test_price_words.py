"""Prices in words: what a driver pays, exactly, and what was entered."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from polaris.domain.price_windows import Schedule
from polaris.domain.tariff import Money, Prices
from polaris.domain.window_text import read
from polaris.rendering.price_words import net_price_words, price_words, signed_money

DEMO = Prices("EUR", Decimal("0.39"), per_session=Decimal("0.35"), tax_percent=Decimal(19))
DAY = Schedule("UTC", read(["Mon-Fri 07:00-20:00 0.30 per kWh, 0.02 per minute"], Decimal(0)))
OF_DAY = "Mon–Fri 07:00–20:00: €0.30 per kWh + €0.02 per minute"
OTHERWISE = "; at all other times: €0.20 per kWh"
IN_UTC = "; times of day in UTC"
WEEK = Schedule("UTC", read(["daily 00:00-24:00 0.30 per kWh"], Decimal(0)))
NIGHT = Schedule("UTC", read(["daily 22:00-24:00 0.10 per kWh", "daily 00:00-06:00 0.10 per kWh"], Decimal(0)))


@pytest.mark.parametrize(
    ("prices", "words", "net_words"),
    [
        (
            DEMO,
            "€0.4641 per kWh + €0.4165 per session, incl. 19 % tax",
            "€0.39 per kWh + €0.35 per session, plus 19 % tax",
        ),
        (
            Prices("EUR", Decimal("0.2"), per_session=Decimal(1), idle_per_minute=Decimal("0.1"), schedule=DAY),
            f"{OF_DAY}{OTHERWISE}; €1.00 per session; after charging €0.10 per minute more{IN_UTC}",
            f"{OF_DAY}{OTHERWISE}; €1.00 per session; after charging €0.10 per minute more{IN_UTC}",
        ),
        (
            Prices("EUR", Decimal("0.2"), schedule=NIGHT),
            f"daily 22:00–24:00, daily 00:00–06:00: €0.10 per kWh; at all other times: €0.20 per kWh{IN_UTC}",
            f"daily 22:00–24:00, daily 00:00–06:00: €0.10 per kWh; at all other times: €0.20 per kWh{IN_UTC}",
        ),
        (
            Prices("EUR", Decimal("9"), idle_per_minute=Decimal(1), idle_grace_s=90, schedule=WEEK),
            f"daily 00:00–24:00: €0.30 per kWh; from 1.5 min after charging on €1.00 per minute more{IN_UTC}",
            f"daily 00:00–24:00: €0.30 per kWh; from 1.5 min after charging on €1.00 per minute more{IN_UTC}",
        ),
        (Prices("EUR", Decimal("0.40")), "€0.40 per kWh", "€0.40 per kWh"),
        (Prices("JPY", Decimal(0)), "¥0 per kWh", "¥0 per kWh"),
        (Prices("CHF", Decimal(0), Decimal("0.005")), "CHF0.005 per minute", "CHF0.005 per minute"),
        (
            Prices("EUR", Decimal("0.123456"), tax_percent=Decimal("8.1")),
            "≈ €0.133456 per kWh, incl. 8.1 % tax",
            "€0.123456 per kWh, plus 8.1 % tax",
        ),
    ],
)
def test_prices(app: Flask, prices: Prices, words: str, net_words: str) -> None:
    with app.test_request_context():
        assert price_words(prices) == words
        assert net_price_words(prices) == net_words


def test_no_prices(app: Flask) -> None:
    with app.test_request_context():
        assert price_words(None) == "no prices"


@pytest.mark.parametrize(("amount", "text"), [("0.77", "+€0.77"), ("-1", "−€1.00"), ("0", "±€0.00"), (None, "–")])
def test_difference_has_its_sign(app: Flask, amount: str | None, text: str) -> None:
    with app.test_request_context():
        assert signed_money(None if amount is None else Money(Decimal(amount), "EUR")) == text
