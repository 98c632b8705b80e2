"""Owns a reader of the page "Why these numbers" who has nothing but that page, and recomputes its figures."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

_LINE = re.compile(r'data-part="(\w+)"\s+data-amount="[^"]*"\s+data-quantity="([^"]*)"\s+data-price="([^"]*)"')


def recomputed_wh(page: str) -> int | None:
    """Add up the steps of the energy; None if the page says that it is not known."""
    if 'data-step="kept"' in page:
        raise AssertionError("the page cannot say where the energy comes from")
    for decided in _values(page, "decided-wh"):
        return int(decided)
    if 'data-basis="not_known"' in page:
        return None
    steps = zip(_values(page, "from-wh"), _values(page, "to-wh"), strict=True)
    return sum(int(to) - int(from_) for from_, to in steps) + sum(int(wh) for wh in _values(page, "interval-wh"))


def recomputed_cost(page: str) -> str | None:
    """Compute the cost of the recomputed energy from the prices and the times; None if the page has no prices.

    If they change with the time, the energy and the seconds of each window are the page's, and add up.
    """
    energy_wh = recomputed_wh(page)
    if not _values(page, "currency") or energy_wh is None:
        return None
    ended_at, started_at = (datetime.fromisoformat(_value(page, name)) for name in ("ended-at", "started-at"))
    per_kwh, per_minute, per_session, tax_percent = (
        Fraction(_value(page, name)) for name in ("per-kwh", "per-minute", "per-session", "tax-percent")
    )
    seconds = max(0, (ended_at - started_at) // timedelta(seconds=1))
    lines = [(part, int(quantity), Fraction(price)) for part, quantity, price in _LINE.findall(page)]
    energies, times, idle = ([one for one in lines if one[0] == part] for part in ("energy", "time", "idle"))
    assert sum(wh for _, wh, _ in energies) == energy_wh
    assert sum(used for _, used, _ in times) <= seconds
    net = sum(price * wh / 1000 for _, wh, price in energies) + per_session
    net += sum(price * used / 60 for _, used, price in [*times, *idle])
    if not _values(page, "windows"):
        assert net == per_kwh * energy_wh / 1000 + per_minute * seconds / 60 + per_session + _idling(idle)
    digits = int(_value(page, "digits"))
    rounded = int((net * (1 + tax_percent / 100) * 10**digits + Fraction(1, 2)) // 1)
    assert sum(Fraction(amount) for amount in _values(page, "amount")) == Fraction(rounded, 10**digits)
    return str(Decimal(rounded).scaleb(-digits))


def _idling(lines: list[tuple[str, int, Fraction]]) -> Fraction:
    return sum((price * seconds / 60 for _, seconds, price in lines), Fraction())


def shown_wh(page: str) -> int | None:
    """Read the total that the page states."""
    return next((int(wh) for wh in _values(page, "total-wh")), None)


def shown_cost(page: str) -> str | None:
    """Read the cost that the page states."""
    return next(iter(_values(page, "cost")), None)


def _value(page: str, name: str) -> str:
    (value,) = _values(page, name)
    return value


def _values(page: str, name: str) -> list[str]:
    return re.findall(rf'data-{name}="([^"]*)"', page)
