"""Corrections of the energy of ended sessions: what it was before something came late, and what it is."""

from __future__ import annotations

from datetime import datetime

from polaris.domain.enums import Correction
from polaris.models import ChargingSession, EnergyCorrection

CHARGER = "charger"  # the actor of a correction that no person has made


def note(session: ChargingSession, kind: Correction, before_wh: int | None, at: datetime) -> None:
    """Store a correction if the session's energy has changed, in the caller's transaction."""
    if session.energy_wh != before_wh:
        EnergyCorrection.create(
            session=session.number,
            at=at,
            kind=kind,
            before_wh=before_wh,
            after_wh=session.energy_wh,
            actor=CHARGER,
            why="",
        )
