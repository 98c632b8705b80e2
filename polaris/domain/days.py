"""Days of a session: the energy and the cost that fall on each day of its site.

A day begins at midnight by the wall clock of the site, so it has 23, 24 or 25 hours. The energy between two readings is
taken to have flowed evenly, as for prices (`domain/usage.py`). The cost of a day is the cost of the session by the end
of the day, less its cost by the end of the day before: the fee for a session falls on its first day, each day has the
prices of its hours, and the days add up to the cost of the session to the cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import accumulate, pairwise
from typing import NamedTuple

from babel.numbers import get_currency_precision
from msgspec import Struct
from msgspec.structs import replace

from polaris.domain import filters, tariff
from polaris.domain.tariff import Prices
from polaris.domain.usage import SECOND, Usage, apportioned, differences

DAY = timedelta(days=1)
MAX_DAYS = 400  # of a session, whose last day has the rest: without it, one that never ends would fill a table


class Day(Struct, frozen=True, gc=False):
    """The part of a session on a day: Wh, and its cost in the currency's smallest unit.

    The energy is None if the session's is not known, the amount if there is no cost.
    """

    day: date
    energy_wh: int | None
    amount: int | None


class DaySum(NamedTuple):
    """The sum of a day in a currency, "" without a cost: Wh, the amount in its smallest unit, and what is not in it."""

    day: date
    currency: str
    energy_wh: int
    amount: int
    unknown: int  # sessions whose energy is not known


class Sums(NamedTuple):
    """The days of an account; some are missing while sessions of before are still added up."""

    days: list[DaySum]
    is_incomplete: bool


def midnights(zone: tzinfo, started_at: datetime, until_at: datetime) -> list[datetime]:
    """Return the instants between two others at which a day begins in a time zone."""
    found: list[datetime] = []
    day = started_at.astimezone(zone).date() + DAY
    while len(found) < MAX_DAYS - 1 and (began_at := filters.began(day, zone)) < until_at:
        found.append(began_at)
        day += DAY
    return found


def split(
    usage: Usage, prices: Prices | None, zone: tzinfo, by_midnight: Sequence[int], *, is_idle_refusal: bool
) -> list[Day]:
    """Split a session by days, the first of which is the one that it began on.

    `by_midnight` has the energy of the meter by each of `midnights`, as far as it is known.
    """
    first = usage.started_at.astimezone(zone).date()
    if usage.energy_wh is None:
        return [Day(first, None, None)]
    ends = [*midnights(zone, usage.started_at, usage.until_at), usage.until_at]
    metered = differences(by_midnight[: len(ends) - 1], usage.metered_wh or 0)
    metered += [0] * (len(ends) - len(metered))
    seconds = [max(0, (end - start) // SECOND) for start, end in pairwise([usage.started_at, *ends])]
    energies = apportioned(usage.energy_wh, metered if any(metered) else seconds)
    until = [
        replace(usage, energy_wh=energy_wh, metered_wh=metered_wh, until_at=end)
        for end, energy_wh, metered_wh in zip(ends, accumulate(energies), accumulate(metered), strict=True)
    ]
    amounts = _amounts([*until[:-1], usage], prices, is_idle_refusal=is_idle_refusal)
    return [
        Day(first + index * DAY, energy_wh, amount)
        for index, (energy_wh, amount) in enumerate(zip(energies, amounts, strict=True))
    ]


def _amounts(until: Sequence[Usage], prices: Prices | None, *, is_idle_refusal: bool) -> list[int | None]:
    """Return the cost of each day, of what was used until its end."""
    costs = [tariff.estimate(prices, usage, is_idle_refusal=is_idle_refusal) for usage in until]
    sums = [int(cost.amount.scaleb(get_currency_precision(cost.currency))) for cost in costs if cost is not None]
    return [after - before for before, after in pairwise([0, *sums])] if sums else [None] * len(until)
