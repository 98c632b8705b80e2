"""The price of a session that goes on: what holds now, when it changes, and what idling costs from when on."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from polaris.domain.price_windows import pieces
from polaris.domain.tariff import Prices
from polaris.domain.usage import Usage, idle_from

AHEAD = timedelta(days=8)  # every change of prices comes within a week
MINUTE = timedelta(minutes=1)


class NextPrice(Struct, frozen=True):
    """The price of a kWh and of a minute, before tax, and from when on they hold."""

    at: datetime
    price: tuple[Decimal, Decimal]


class PriceNow(Struct, frozen=True):
    """The prices in force and the next ones; both None if they never change. `idle_from` is None unless it idles."""

    prices: Prices
    present: NextPrice | None
    following: NextPrice | None
    idle_from: datetime | None
    is_idle_paid: bool


def price_now(prices: Prices | None, usage: Usage) -> PriceNow | None:
    """Return what there is to say of the prices of a session that goes on; None if it has none."""
    if prices is None:
        return None
    since = idle_from(usage, prices.idle_grace_s) if prices.idle_per_minute else None
    ahead = _ahead(prices, usage.until_at)
    present, following = (ahead[0], ahead[1]) if len(ahead) > 1 else (None, None)
    return PriceNow(prices, present, following, since, since is not None and since <= usage.until_at)


def changes_at(price: PriceNow | None, now: datetime) -> datetime | None:
    """Return the next instant at which time alone changes what is said or, by idling, what it costs."""
    if price is None:
        return None
    idling_at = None if price.idle_from is None else now + MINUTE if price.is_idle_paid else price.idle_from
    instants = [idling_at, None if price.following is None else price.following.at]
    return min((instant for instant in instants if instant is not None), default=None)


def _ahead(prices: Prices, now: datetime) -> list[NextPrice]:
    """Return the prices in force, and those that are different after them."""
    if prices.schedule is None:
        return []
    found: list[NextPrice] = []
    for piece in pieces(prices.schedule, now, now + AHEAD):
        price = prices.in_window(piece.window)
        if not found or price != found[-1].price:
            found.append(NextPrice(piece.begins_at, price))
    return found
