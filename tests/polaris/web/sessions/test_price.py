"""What a running session's page says of its price: what holds, when it changes, and what idling will cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from flask.testing import FlaskClient

from polaris import administration
from polaris.domain.price_windows import Schedule
from polaris.domain.tariff import Prices
from polaris.domain.usage import Usage
from polaris.domain.window_text import read
from polaris.models import ChargingSession
from polaris.web.sessions.price import changes_at, price_now
from tests.polaris.web.sessions.test_why import text_of
from tests.support import forms
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging

MINUTE = timedelta(minutes=1)
FRIDAY = datetime(2026, 6, 5, 17, 30, tzinfo=UTC)  # 19:30 in Berlin
LINES = ("Mon-Fri 07:00-20:00 0.50 per kWh", "daily 22:00-24:00 0.20 per kWh", "daily 00:00-06:00 0.20 per kWh")
PRICES = Prices(
    "EUR",
    Decimal("0.30"),
    idle_per_minute=Decimal("0.10"),
    idle_grace_s=600,
    schedule=Schedule("Europe/Berlin", read(LINES, Decimal(0))),
)
PLAIN = Prices("EUR", Decimal("0.30"))


def usage(minutes: int, over: int | None = None) -> Usage:
    """A session that has charged, so many minutes after FRIDAY; since `over` the car takes no more."""
    over_at = None if over is None else FRIDAY + over * MINUTE
    return Usage(5000, FRIDAY, FRIDAY + minutes * MINUTE, 5000, over_at=over_at)


def test_price_that_changes() -> None:
    price = price_now(PRICES, usage(0))
    assert price is not None
    assert price.present is not None
    assert price.following is not None
    assert (price.present.price[0], price.following.price[0]) == (Decimal("0.50"), Decimal("0.30"))
    assert price.following.at == changes_at(price, FRIDAY) == FRIDAY + 30 * MINUTE


def test_midnight_between_equal_prices_is_no_change() -> None:
    price = price_now(PRICES, usage(3 * 60))
    assert price is not None
    assert price.following is not None
    assert (price.following.at, price.following.price[0]) == (FRIDAY + timedelta(hours=10, minutes=30), Decimal("0.30"))


def test_idling() -> None:
    price = price_now(PRICES, usage(5, over=2))
    assert price is not None
    assert (price.idle_from, price.is_idle_paid) == (FRIDAY + 12 * MINUTE, False)
    assert changes_at(price, FRIDAY + 5 * MINUTE) == FRIDAY + 12 * MINUTE
    paid = price_now(PRICES, usage(13, over=2))
    assert paid is not None
    assert paid.is_idle_paid
    assert changes_at(paid, FRIDAY + 13 * MINUTE) == FRIDAY + 14 * MINUTE  # its cost grows


def test_idling_is_priced_in_words_before_it_begins() -> None:
    price = price_now(Prices("EUR", Decimal(1), idle_per_minute=Decimal(1)), usage(5))
    assert price is not None
    assert (price.idle_from, price.present) == (None, None)
    assert changes_at(price, FRIDAY) is None


def test_no_prices() -> None:
    assert price_now(None, usage(5)) is None
    assert changes_at(None, FRIDAY) is None


def test_prices_that_never_change() -> None:
    price = price_now(PLAIN, usage(5, over=2))
    assert price is not None
    assert (price.prices, price.present, price.idle_from) == (PLAIN, None, None)
    assert changes_at(price, FRIDAY) is None


# On the page.


def set_prices(*lines: str) -> None:
    yesterday = now() - timedelta(hours=20)
    administration.set_tariff(
        "Main", per_kwh=Decimal("0.30"), tax_percent=Decimal(20), idle_per_minute=Decimal("0.10"), idle_grace_min=10,
        windows=lines, actor=ACTOR, now=yesterday,
    )  # fmt: skip


def test_page(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    set_prices(f"{now():%a} 00:00-24:00 0.50 per kWh, 0.01 per minute")
    forms.sign_in(client, cast.ada)
    charging.connect()
    number = charging.start(cast.ada.id_tag)
    tomorrow = (now() + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    page = client.get(f"/sessions/{number}").text
    assert "Now €0.60 per kWh + €0.012 per minute. From " in text_of(page)
    assert "at all other times: €0.36 per kWh; from 10 min after charging on €0.12 per minute more, incl." in text_of(
        page
    )
    assert re.search(
        rf'<time datetime="{tomorrow:%Y-%m-%dT%H:%M:%SZ}"[^>]*>[^<]*</time> on €0.36 per kWh instead.', page
    )
    assert "Charging is over." not in page
    charging.meter(number, 3000)
    charging.status("SuspendedEV")
    page = client.get(f"/sessions/{number}").text
    over_at = ChargingSession.get_by_id(number).over_at
    assert f'datetime="{over_at + 10 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"' in page
    assert re.search(r"Charging is over. From .* on, €0.12 per minute is added to the other prices.", text_of(page))
    earlier = over_at - 11 * MINUTE
    ChargingSession.update(started_at=earlier, over_at=earlier).execute()
    page = client.get(f"/sessions/{number}").text
    assert "Charging is over. Now €0.12 per minute is added to the other prices, since" in text_of(page)
    charging.status("Charging")
    assert "Charging is over." not in client.get(f"/sessions/{number}").text


def test_refused_card_is_told_no_price(client: FlaskClient, cast: Cast, charging: Charging) -> None:
    set_prices(f"{now():%a} 00:00-24:00 0.50 per kWh")
    forms.sign_in(client, cast.olga)
    charging.connect()
    number = charging.start("NOBODY-S")
    assert "€0.60 per kWh" not in text_of(client.get(f"/sessions/{number}").text)
