"""The cost of ended sessions under other prices, before these are saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from polaris.domain.tariff import Money, Prices, estimate


@dataclass(frozen=True, slots=True)
class PastSession:
    """A session that has ended. `energy_wh` is None if it is not known, `prices` if it had none."""

    number: int
    charger_name: str
    ended_at: datetime
    energy_wh: int | None
    duration_s: int
    is_idle_refusal: bool
    prices: Prices | None

    def cost(self, prices: Prices | None) -> Money | None:
        return estimate(prices, self.energy_wh, self.duration_s, is_idle_refusal=self.is_idle_refusal)


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
