"""Owns a reader of the page "Why these numbers" who has nothing but that page, and recomputes its figures."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction


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
    """Compute the cost of the recomputed energy from the prices and the times; None if the page has no prices."""
    energy_wh = recomputed_wh(page)
    if not _values(page, "currency") or energy_wh is None:
        return None
    ended_at, started_at = (datetime.fromisoformat(_value(page, name)) for name in ("ended-at", "started-at"))
    per_kwh, per_minute, per_session, tax_percent = (
        Fraction(_value(page, name)) for name in ("per-kwh", "per-minute", "per-session", "tax-percent")
    )
    seconds = max(0, (ended_at - started_at) // timedelta(seconds=1))
    net = per_kwh * energy_wh / 1000 + per_minute * seconds / 60 + per_session
    digits = int(_value(page, "digits"))
    rounded = int((net * (1 + tax_percent / 100) * 10**digits + Fraction(1, 2)) // 1)
    assert sum(Fraction(amount) for amount in _values(page, "amount")) == Fraction(rounded, 10**digits)
    return str(Decimal(rounded).scaleb(-digits))


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
