"""A driver's limit: the energy, cost, state of charge or instant at which a session is to be stopped by itself.

It is reached by figures that count, never by what is expected from them. What is expected says only when to look
again: then the charger is asked for a reading.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from polaris.domain.instants import from_microseconds
from polaris.domain.tariff import Money, Prices

LOOK_INTERVAL = timedelta(seconds=5)  # without it, a silent session near its limit would be read all the time
ASK_INTERVAL = timedelta(seconds=15)  # between a reading and the next one that is asked for
MAX_ASKS = 40  # for one limit: a charger that answers without readings would be asked for ever
MAX_LOOK_AHEAD = timedelta(hours=25)  # the longest day, on which the clock is set back
MIN_PERCENT_WH = 300  # of a small battery, so that a larger one is asked about early rather than late
MILLI = 1000


class LimitKind(StrEnum):
    """The figure that a limit is of. One that was removed is of none until a charger that knew of it is told."""

    NONE = ""
    ENERGY = "energy"
    MONEY = "money"
    SOC = "soc"
    TIME = "time"


MAX_VALUE = {LimitKind.ENERGY: 1_000_000, LimitKind.MONEY: 10_000 * MILLI, LimitKind.SOC: 100}


class Limit(Struct, frozen=True):
    """A limit. Its value is in Wh, thousandths of the currency, percent, or microseconds since 1970 UTC."""

    kind: LimitKind
    value: int

    @property
    def at(self) -> datetime | None:
        """Return the instant of a limit of time."""
        return from_microseconds(self.value) if self.kind is LimitKind.TIME else None


class SoFar(Struct, frozen=True):
    """The figures of a session by which limits are judged; None if one is not known."""

    energy_wh: int | None = None
    cost: Money | None = None
    soc_percent: int | None = None

    def of(self, kind: LimitKind) -> int | None:
        """Return the figure that a kind of limit is of, in its unit."""
        if kind is LimitKind.ENERGY:
            return self.energy_wh
        if kind is LimitKind.MONEY:
            return None if self.cost is None else int(self.cost.amount * MILLI)
        return self.soc_percent if kind is LimitKind.SOC else None


class Flow(Struct, frozen=True):
    """The power that flows into a session, and since when nothing was read of it."""

    power_w: float
    since: datetime


def is_valid(limit: Limit, now: datetime) -> bool:
    """Whether a limit is one that a session can come to."""
    if limit.at is not None:
        return now < limit.at <= now + MAX_LOOK_AHEAD
    return 0 < limit.value <= MAX_VALUE.get(limit.kind, 0)


def is_reached(limit: Limit, so_far: SoFar, now: datetime) -> bool:
    """Whether a session has come to its limit, by what is known of it."""
    if limit.at is not None:
        return now >= limit.at
    figure = so_far.of(limit.kind)
    return figure is not None and limit.kind is not LimitKind.NONE and figure >= limit.value


def look_at(limit: Limit, so_far: SoFar, flow: Flow, prices: Prices | None, now: datetime) -> datetime | None:
    """Return when to look at a session that is below its limit, if no reading has come by then; None for never.

    That is at the earliest when the power that flows, and the prices of time, can have brought it there.
    """
    if limit.at is not None:
        return limit.at
    figure, (by_flow, by_clock) = so_far.of(limit.kind), _per_s(limit.kind, flow.power_w, prices)
    if figure is None or by_flow + by_clock <= 0:
        return None
    left = limit.value - figure - by_flow * max(0.0, (now - flow.since).total_seconds())
    seconds = min(max(0.0, left / (by_flow + by_clock)), MAX_LOOK_AHEAD.total_seconds())
    return now + max(timedelta(seconds=seconds), LOOK_INTERVAL)


def is_asked_for(heard_at: datetime, asked_at: datetime | None, asks: int, now: datetime) -> bool:
    """Whether to ask the charger for a reading, when a session that is below its limit is looked at."""
    return asks < MAX_ASKS and now >= max(heard_at, asked_at or heard_at) + ASK_INTERVAL


def _per_s(kind: LimitKind, power_w: float, prices: Prices | None) -> tuple[float, float]:
    """Return by how much the figure of a limit can rise in a second, by the power that flows and by the clock."""
    wh = max(0.0, power_w) / 3600
    if kind is LimitKind.ENERGY:
        return wh, 0.0
    if kind is LimitKind.SOC:
        return wh / MIN_PERCENT_WH, 0.0
    if kind is not LimitKind.MONEY or prices is None:
        return 0.0, 0.0
    windows = [prices.in_window(window) for window in (None, *(prices.schedule.windows if prices.schedule else ()))]
    with_tax = float(1 + prices.tax_percent / Decimal(100)) * MILLI
    per_kwh = float(max(per_kwh for per_kwh, _ in windows))
    per_minute = float(max(per_minute for _, per_minute in windows) + prices.idle_per_minute)
    return per_kwh * wh / 1000 * with_tax, per_minute / 60 * with_tax
