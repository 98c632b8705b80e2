"""A driver's sessions in four figures, above their list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import fn

from polaris.domain.limits import MAX_COUNTED
from polaris.lists.sessions import ACTIVE
from polaris.models import ChargingSession, blocking, bounded_count

DAY, WEEK = timedelta(days=1), timedelta(days=7)
_EFFECTIVE_WH = fn.COALESCE(ChargingSession.decided_wh, ChargingSession.energy_wh)  # as EFFECTIVE_WH has it


@dataclass(frozen=True, slots=True)
class Strip:
    """The sessions that began within a day, the energy of those of a week, and how many go on.

    Energies that are not known count in neither the sum nor the average, which is None without any.
    """

    of_day: int
    week_wh: int
    average_wh: int | None
    active: int


@blocking
def strip(owner_id: int, now: datetime) -> Strip:
    """Add up a driver's sessions, the newest of more than `MAX_COUNTED`."""
    is_own = ChargingSession.account == owner_id
    recent: Any = ChargingSession.select(_EFFECTIVE_WH, ChargingSession.started_at)
    recent = recent.where(is_own, ChargingSession.started_at > now - WEEK).order_by(ChargingSession.started_at.desc())
    rows = list(recent.limit(MAX_COUNTED).tuples())
    energies_wh = [energy_wh for energy_wh, _ in rows if energy_wh is not None]
    week_wh = sum(energies_wh)
    return Strip(
        of_day=sum(started_at > now - DAY for _, started_at in rows),
        week_wh=week_wh,
        average_wh=round(week_wh / len(energies_wh)) if energies_wh else None,
        active=bounded_count(
            ChargingSession.select(ChargingSession.number).where(is_own, ChargingSession.state == ACTIVE)
        ),
    )
