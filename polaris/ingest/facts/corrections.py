"""Corrections of the energy of ended sessions: what it was before something came late, and what it is."""

from __future__ import annotations

from datetime import datetime

from polaris.domain.enums import Correction
from polaris.models import ChargingSession, EnergyCorrection

CHARGER = "charger"  # the actor of a correction that no person has made


def note(session: ChargingSession, kind: Correction, before_wh: int | None, at: datetime, actor: str = CHARGER) -> None:
    """Store a correction if the energy that counts has changed, in the caller's transaction.

    Late readings in a row make one correction: without that, a charger could fill the table for one session.
    """
    after_wh = session.energy_wh
    if after_wh == before_wh or session.decided_wh is not None:
        return
    of_session = EnergyCorrection.select().where(EnergyCorrection.session == session.number)
    newest = of_session.order_by(EnergyCorrection.id.desc()).first()
    if newest is None or not newest.kind == kind == Correction.LATE_READINGS:
        EnergyCorrection.create(
            session=session.number, at=at, kind=kind, before_wh=before_wh, after_wh=after_wh, actor=actor, why=""
        )
    elif newest.before_wh == after_wh:  # back to what it was
        newest.delete_instance()
    else:
        newest.at, newest.after_wh = at, after_wh
        newest.save()
