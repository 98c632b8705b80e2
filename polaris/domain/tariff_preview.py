"""The cost of ended sessions under other prices, before these are saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from polaris.domain.tariff import Money, Prices, estimate
from polaris.domain.usage import Point, Usage, split


@dataclass(frozen=True, slots=True)
class PastSession:
    """A session that has ended. `prices` is None if it had none.

    `usage` is split by the borders of its own prices; for those of others there are the `points` of its readings.
    """

    number: int
    charger_name: str
    usage: Usage
    is_idle_refusal: bool
    prices: Prices | None
    points: tuple[Point, ...] = ()

    @property
    def ended_at(self) -> datetime:
        return self.usage.until_at

    @property
    def energy_wh(self) -> int | None:
        return self.usage.energy_wh

    @property
    def duration_s(self) -> int:
        return self.usage.duration_s

    def cost(self, prices: Prices | None) -> Money | None:
        usage = self.usage
        if prices is not None and (self.prices is None or prices.schedule != self.prices.schedule):
            end = [] if usage.metered_wh is None else [(usage.until_at, usage.metered_wh)]
            border_wh, _ = split(prices.schedule, usage.started_at, [*self.points, *end], usage.until_at)
            usage = replace(usage, border_wh=border_wh)
        return estimate(prices, usage, is_idle_refusal=self.is_idle_refusal)


@dataclass(frozen=True, slots=True)
class Compared:
    """A session's cost, and the cost that it would have. None if it has none."""

    session: PastSession
    cost: Money | None
    new_cost: Money | None

    @property
    def difference(self) -> Money | None:
        """How much more it would cost; None if there is no such figure, or if the currencies are not the same."""
        if self.cost is None or self.new_cost is None or self.cost.currency != self.new_cost.currency:
            return None
        return Money(self.new_cost.amount - self.cost.amount, self.cost.currency)


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of those sessions of which both costs are known, in one currency."""

    sessions: int
    cost: Money
    new_cost: Money
    difference: Money


@dataclass(frozen=True, slots=True)
class Preview:
    """Sessions under the prices that they had and under others."""

    prices: Prices
    rows: Sequence[Compared]

    @property
    def sums(self) -> Sums:
        compared = [row for row in self.rows if row.difference is not None]
        return Sums(
            len(compared),
            self._sum(row.cost for row in compared),
            self._sum(row.new_cost for row in compared),
            self._sum(row.difference for row in compared),
        )

    def _sum(self, amounts: Iterable[Money | None]) -> Money:
        total = sum((money.amount for money in amounts if money is not None), Decimal(0))
        return Money(total, self.prices.currency)


def preview(sessions: Iterable[PastSession], prices: Prices) -> Preview:
    """Compare what sessions have cost with what they would cost."""
    return Preview(
        prices, tuple(Compared(session, session.cost(session.prices), session.cost(prices)) for session in sessions)
    )
