"""The totals of sessions that a filter finds: how many, their energy, and their cost in each currency.

Costs are those of the lines, each rounded as its session's page has it: a sum that a database could compute would
differ from theirs by cents. So each is priced, and of more than `MAX_TOTALLED` the newest alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from polaris.domain import tariff
from polaris.domain.evidence import is_idle, is_refusal
from polaris.domain.tariff import Money, Prices
from polaris.lists import sessions
from polaris.lists.sessions import SessionFilter
from polaris.models import EFFECTIVE_WH, ChargingSession, RowQuery, Tariff, blocking
from polaris.models.session import usage_of

MAX_TOTALLED = 10_000  # sessions; without it, one look at all sessions could take minutes


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of the newest sessions, or with `is_all` of all that were wanted."""

    sessions: int
    energy_wh: int
    unknown_energy: int  # sessions that are not in the sum of energy, since theirs is not known
    unknown_cost: int  # the same of the costs
    costs: tuple[Money, ...]
    is_all: bool


class _Summand(NamedTuple):
    """The columns of a session that its cost follows from."""

    tariff_id: int | None
    energy_wh: int | None
    charger_wh: int | None
    border_wh: str
    over_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    state: str
    authorization: str
    id_tag: str
    transaction_id: str | None
    connector_status: str
    power_w: int | None

    @property
    def is_idle_refusal(self) -> bool:
        if self.energy_wh != 0 or not is_refusal(self.authorization, self.id_tag, self.transaction_id):
            return False
        return is_idle(self.state, self.connector_status, energy_wh=self.energy_wh, power_w=self.power_w)


_SUMMANDS = RowQuery(
    _Summand,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE number IN ({marks})",
    energy_wh=EFFECTIVE_WH,
    charger_wh=ChargingSession.energy_wh,
)


@blocking
def totals(wanted: SessionFilter, now: datetime) -> Totals:
    """Add up the newest sessions that are wanted."""
    found = sessions.page(wanted, MAX_TOTALLED)
    rows = _SUMMANDS.rows(found.keys)
    prices = _prices({row.tariff_id for row in rows if row.tariff_id is not None})
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    unknown_cost = 0
    for row in rows:
        usage = usage_of(row, now, energy_wh=row.energy_wh, metered_wh=row.charger_wh)
        is_free = row.is_idle_refusal
        cost = tariff.estimate(prices.get(row.tariff_id), usage, is_idle_refusal=is_free)
        unknown_cost += cost is None and not is_free
        if cost is not None:
            costs[cost.currency] += cost.amount
    energies_wh = [row.energy_wh for row in rows if row.energy_wh is not None]
    return Totals(
        sessions=len(rows),
        energy_wh=sum(energies_wh),
        unknown_energy=len(rows) - len(energies_wh),
        unknown_cost=unknown_cost,
        costs=tuple(Money(amount, currency) for currency, amount in sorted(costs.items())),
        is_all=found.next_key is None,
    )


def _prices(tariff_ids: set[int]) -> dict[int | None, Prices]:
    return {row.id: row.prices() for row in Tariff.select().where(Tariff.id.in_(tariff_ids))} if tariff_ids else {}
