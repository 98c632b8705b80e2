"""Verbs for sessions that need a person."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta
from peewee import OperationalError

from polaris.administration import Refused
from polaris.domain.arguments import NAMED, StrictStruct
from polaris.domain.limits import MAX_INT32
from polaris.ingest import BeyondBound, EnergyRefusal, stuck_sessions
from polaris.models import blocking
from polaris.verbs.verb import Done, Request, Verb, Warning

REFUSALS = {
    EnergyRefusal.NOT_FOUND: "There is no session {number}.",
    EnergyRefusal.IN_PROGRESS: "Session {number} is still in progress: its energy can be set once it has ended.",
    EnergyRefusal.BAD_FIGURE: "{kwh} is not a figure from 0 to 10000 kWh with at most three decimals.",
    EnergyRefusal.BAD_REASON: "A reason has 1 to 200 characters on one line.",
    EnergyRefusal.NOTHING_SET: "No figure is set for session {number}: the charger's own already counts.",
}
NOT_STUCK = "Nothing speaks for session {number} being over."
_NUMBER = re.compile("[0-9]{1,9}")
Number = Annotated[int, Meta(ge=1, le=MAX_INT32, title="Session", description="Its number.")]


class Close(StrictStruct, frozen=True):
    """Close a stuck session with its last reading, as an estimate. The charger's own end still replaces it."""

    number: Number


class SetEnergy(StrictStruct, frozen=True):
    """Set the energy of an ended session, in kWh. It outranks the charger's own figure, which is kept beside it.

    A figure that the connector cannot deliver in the session's time is refused, unless it is forced.
    """

    number: Number
    kwh: Annotated[Decimal | None, Meta(title="Energy in kWh", description="Nothing: the charger's own figure counts.")]
    why: Annotated[str, NAMED, Meta(title="Reason", description="The session's page shows it.")]
    force: Annotated[bool, Meta(description="Take a figure beyond what the connector can deliver in that time.")] = (
        False
    )


class Recompute(StrictStruct, frozen=True):
    """Make the figures of a session out again from its stored readings and the present bound of its power.

    An operator's figure still counts.
    """

    number: Number


def _close(request: Request, asked: Close) -> Done:
    if not request.services.ingest.close_session(asked.number, request.actor, request.now):
        raise Refused(NOT_STUCK.format(number=asked.number))
    return Done(f"Session {asked.number} is closed as an estimate.")


def _set_energy(request: Request, asked: SetEnergy) -> Done:
    number, kwh = asked.number, asked.kwh
    corrected = request.services.ingest.set_energy(
        number, kwh, asked.why, request.actor, request.now, is_forced=asked.force
    )
    if isinstance(corrected, EnergyRefusal):
        raise Refused(REFUSALS[corrected].format(number=number, kwh=kwh))
    if isinstance(corrected, BeyondBound):
        bound = f"{in_kwh(corrected.bound_wh)}, at {corrected.max_power_w / 1000:g} kW"
        raise Refused(
            f"{kwh} kWh is more than this connector can deliver in the time of session {number} ({bound}). "
            "If it is right all the same, force it."
        )
    return Done(f"Session {number}: {in_kwh(corrected.before_wh)} before, {in_kwh(corrected.after_wh)} now.")


def _recompute(request: Request, asked: Recompute) -> Done:
    try:
        found = request.services.ingest.recompute(asked.number, request.actor, request.now)
    except OperationalError as error:
        raise Refused(str(error)) from error
    if found is None:
        raise Refused(REFUSALS[EnergyRefusal.NOT_FOUND].format(number=asked.number))
    if found.is_final:
        return Done(f"Session {asked.number}: it is final, since its readings may have been thinned.")
    return Done(f"Session {asked.number}: {in_kwh(found.before_wh)} before, {in_kwh(found.after_wh)} now.")


def in_kwh(energy_wh: int | None) -> str:
    return "energy not known" if energy_wh is None else f"{energy_wh / 1000:.2f} kWh"


@blocking
def _closing(number: str) -> Warning:
    """Return a dry run of a session's close: what it makes of it, for whom, and what speaks for it."""
    found = stuck_sessions.closing(int(number), datetime.now(UTC)) if _NUMBER.fullmatch(number) else None
    if found is None:  # no refusal: what a second press is told comes later
        return Warning(NOT_STUCK.format(number=number), is_asked=False)
    cost = "" if found.cost is None else f", {found.cost.amount} {found.cost.currency}"
    hit = (
        f"Session {number}, {found.charger} connector {found.connector}, {found.driver or 'driver not known'}: "
        f"{in_kwh(found.energy_wh)}{cost}, ended with its last reading at {found.ended_at:%Y-%m-%d %H:%M} UTC"
    )
    return Warning(f"{' '.join(found.evidence)} Close it as this?", (hit,), is_asked=False)


VERBS = {
    "close": Verb(Close, "Close a stuck session", _close, warning=_closing),
    "set-energy": Verb(SetEnergy, "Set a session's energy", _set_energy),
    "recompute": Verb(Recompute, "Recompute a session", _recompute),
}
