"""A session's limit as its page shows it, and the form by which its driver sets one."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from polaris.domain.instants import to_microseconds
from polaris.domain.limit import MILLI, Limit, LimitKind, SoFar
from polaris.domain.tariff import Money

MAX_LENGTH = 12  # of what is typed: no limit has more digits
_UNIT = {LimitKind.ENERGY: 1000, LimitKind.MONEY: MILLI, LimitKind.SOC: 1}
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.,h]?([0-5][0-9])")
_NUMBER = re.compile(r"[0-9]{1,7}([.,][0-9]{1,3})?")


class LimitView(Struct, frozen=True):
    """A limit beside what a session has come to; the figures are None if they are not known."""

    limit: Limit
    currency: str
    energy_wh: int | None
    cost: Money | None
    soc_percent: int | None
    reached_at: datetime | None = None
    was_offline: bool = False
    is_over: bool = False  # its time is, and the charger has not been asked yet

    @property
    def kind(self) -> LimitKind:
        return self.limit.kind

    @property
    def at(self) -> datetime | None:
        return self.limit.at

    @property
    def value(self) -> int:
        return self.limit.value

    @property
    def money(self) -> Money:
        """Return a limit of money as such."""
        return Money(Decimal(self.limit.value) / MILLI, self.currency)

    @property
    def percent(self) -> int | None:
        """Return how much of the limit is reached; None if its figure is not known, or grows by itself."""
        figure = SoFar(self.energy_wh, self.cost, self.soc_percent).of(self.kind)
        return None if figure is None else min(100, figure * 100 // max(1, self.limit.value))


class LimitForm(Struct, frozen=True):
    """The form for a limit: what was typed, and the kinds that the session can have."""

    text: str
    kind: LimitKind
    kinds: tuple[LimitKind, ...]
    currency: str
    has_card: bool = False
    is_of_card: bool = False


def kinds(*, has_price: bool, has_soc: bool) -> tuple[LimitKind, ...]:
    """Return the kinds of limits that a session can have."""
    of_figures = ((LimitKind.ENERGY, True), (LimitKind.MONEY, has_price), (LimitKind.SOC, has_soc))
    return (*(kind for kind, is_known in of_figures if is_known), LimitKind.TIME)


def parse(kind: str, text: str, zone: tzinfo, now: datetime) -> Limit | None:
    """Return the limit that was typed, the next instant with that time at the site; None if it cannot be read."""
    text = text.strip()
    if kind == LimitKind.TIME:
        found = _TIME.fullmatch(text)
        return None if found is None else Limit(LimitKind.TIME, to_microseconds(_next(found, zone, now)))
    if kind not in _UNIT or _NUMBER.fullmatch(text) is None:
        return None
    try:
        value = Decimal(text.replace(",", ".")) * _UNIT[LimitKind(kind)]
    except InvalidOperation:
        return None
    return Limit(LimitKind(kind), int(value)) if value == int(value) else None


def typed(limit: Limit, zone: tzinfo) -> str:
    """Return a limit as it is typed."""
    if limit.at is not None:
        return f"{limit.at.astimezone(zone):%H:%M}"
    unit = _UNIT.get(limit.kind)
    return "" if unit is None else f"{Decimal(limit.value) / unit:f}"


def _next(found: re.Match[str], zone: tzinfo, now: datetime) -> datetime:
    local = now.astimezone(zone)
    wanted = time(int(found[1]), int(found[2]))
    at = datetime.combine(local.date(), wanted, zone)
    return at if at > now else datetime.combine(local.date() + timedelta(days=1), wanted, zone)
