"""The totals of sessions that a filter finds: how many, their energy, and their cost in each currency.

Costs are those of the lines, each rounded as its session's page has it: a sum that a database could compute would
differ from theirs by cents. So sessions are read one by one, and of more than `MAX_TOTALLED` the newest alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from polaris.domain.tariff import Money
from polaris.lists import session_lines, sessions
from polaris.lists.sessions import SessionFilter

MAX_TOTALLED = 10_000  # sessions; without it, one look at all sessions could take minutes
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of the newest sessions, or with `is_all` of all that were wanted."""

    sessions: int
    energy_wh: int
    unknown_energy: int  # sessions that are not in the sum of energy, since theirs is not known
    unknown_cost: int  # the same of the costs
    costs: tuple[Money, ...]
    is_all: bool


def totals(wanted: SessionFilter, now: datetime) -> Totals:
    """Add up the sessions that are wanted, each batch in a transaction of its own."""
    number = energy_wh = unknown_energy = unknown_cost = 0
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    after: int | None = None
    for _ in range(MAX_TOTALLED // BATCH):
        found = sessions.page(wanted, BATCH, after)
        for line in session_lines.of_numbers(found.keys, now):
            number += 1
            energy_wh += line.energy_wh or 0
            unknown_energy += line.energy_wh is None
            unknown_cost += line.cost is None and not line.is_idle_refusal
            if line.cost is not None:
                costs[line.cost.currency] += line.cost.amount
        after = found.next_key
        if after is None:
            break
    in_currencies = tuple(Money(amount, currency) for currency, amount in sorted(costs.items()))
    return Totals(number, energy_wh, unknown_energy, unknown_cost, in_currencies, after is None)
