"""Verbs for sessions that need a person."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta
from peewee import OperationalError

from polaris.administration import COMMAND_LINE, AlreadySo, Refused
from polaris.administration.accounts import find_account
from polaris.domain import filters
from polaris.domain.arguments import NAMED, StrictStruct
from polaris.domain.enums import SessionState
from polaris.domain.limits import MAX_INT32
from polaris.domain.tariff import Money
from polaris.ingest import EnergyBound, EnergyRefusal, corrections, stuck_sessions
from polaris.models import ChargingSession, blocking, locked
from polaris.verbs.perform import SO_ALREADY
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

REFUSALS = {
    EnergyRefusal.NOT_FOUND: "There is no session {number}.",
    EnergyRefusal.IN_PROGRESS: "Session {number} is still in progress: its energy can be set once it has ended.",
    EnergyRefusal.BAD_FIGURE: "{kwh} is not a figure from 0 to 10000 kWh with at most three decimals.",
    EnergyRefusal.BAD_REASON: "A reason has 1 to 200 characters on one line.",
    EnergyRefusal.NOTHING_SET: "No figure is set for session {number}: the charger's own already counts.",
}
BLAMED = {EnergyRefusal.BAD_FIGURE: "kwh", EnergyRefusal.BAD_REASON: "reason", EnergyRefusal.NOTHING_SET: "kwh"}
Number = Annotated[int, Meta(ge=1, le=MAX_INT32, title="Session", description="Its number.")]


class Stop(StrictStruct, frozen=True):
    """Ask a charger to end a session, as the button on the session's page does. That page shows what becomes of it."""

    number: Number


class Close(StrictStruct, frozen=True):
    """Close a stuck session with its last reading, as an estimate. The charger's own end still replaces it."""

    number: Number


class SetEnergy(StrictStruct, frozen=True):
    """Set the energy of an ended session, in kWh. It outranks the charger's own figure, which is kept beside it."""

    number: Number
    kwh: Annotated[Decimal | None, Meta(title="Energy in kWh", description="Nothing: the charger's own figure counts.")]
    reason: Annotated[str, NAMED, Meta(title="Reason", description="The session's page shows it.")]
    force: Annotated[bool, Meta(description="Take a figure beyond what the connector can deliver in that time.")] = (
        False
    )


class Recompute(StrictStruct, frozen=True):
    """Make the figures of a session out again from its stored readings and the present bound of its power.

    An operator's figure still counts.
    """

    number: Number


def _stop(request: Request, asked: Stop) -> Done:
    refusal = request.services.ingest.request_stop(asked.number, _account_id(request.actor), request.now)
    if refusal is not None:
        raise Refused(refusal.value)
    return Done(f"The charger of session {asked.number} is asked to end it.")


@blocking
def _account_id(actor: str) -> int | None:
    return None if actor == COMMAND_LINE else int(find_account(actor).id)


def _close(request: Request, asked: Close) -> Done:
    ingest = request.services.ingest
    if not ingest.close_session(asked.number, **request.audited, publisher=request.notifications):
        raise Refused(_why_open(str(asked.number)))
    return Done(f"Session {asked.number} is closed as an estimate.")


def _set_energy(request: Request, asked: SetEnergy) -> Done:
    number, kwh = asked.number, asked.kwh
    corrected = request.services.ingest.set_energy(
        number, kwh, asked.reason, **request.audited, is_forced=asked.force, publisher=request.notifications
    )
    if corrected is EnergyRefusal.ALREADY_SET:
        raise AlreadySo(SO_ALREADY)
    if isinstance(corrected, EnergyRefusal):
        raise Refused(REFUSALS[corrected].format(number=number, kwh=kwh), BLAMED.get(corrected, ""))
    if isinstance(corrected, EnergyBound):
        more = f"{kwh} kWh is more. If it is right all the same, force it."
        raise Refused(f"{_bounded(number, corrected)} {more}", "kwh")
    sentence = f"Session {number}: {in_kwh(corrected.before_wh)} before, {in_kwh(corrected.after_wh)} now."
    if kwh is not None and kwh * 1000 > corrected.bound.rated_wh:
        rated = f"{_at_most(corrected.bound.rated_wh)} at {corrected.bound.max_power_w / 1000:g} kW"
        sentence += f" That is more than its connector delivers in that time, {rated}: make sure that it is right."
    return Done(sentence)


@blocking
def _energy_bound(asked: Values) -> Warning:
    """Say before a figure is typed which one would be refused."""
    row = _session(asked["number"])
    if row.state == SessionState.ACTIVE:
        raise Refused(REFUSALS[EnergyRefusal.IN_PROGRESS].format(number=row.number))
    return Warning(_bounded(row.number, corrections.energy_bound(row, datetime.now(UTC))), is_asked=False)


def _bounded(number: int, bound: EnergyBound) -> str:
    rated, most = _at_most(bound.rated_wh), _at_most(bound.most_wh)
    return (
        f"At {bound.max_power_w / 1000:g} kW, the connector of session {number} delivers at most {rated} in its time. "
        f"Up to {most} is taken, for clocks that are wrong by two minutes and meters that count whole kWh."
    )


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


def _at_most(energy_wh: int) -> str:
    """Return a bound that can be typed as it is shown: rounded down."""
    return in_kwh(energy_wh // 10 * 10)


@blocking
def _stopping(asked: Values) -> Warning:
    number = asked["number"]
    if _session(number).state != SessionState.ACTIVE:
        raise Refused(f"Session {number} has ended already.")
    return Warning(f"Stop session {number}?", (f"Session {_named(number)}",))


@blocking
def _closing(asked: Values) -> Warning:
    """Ask before a session is closed: on which evidence, whose it is, and what becomes of it."""
    number, now = asked["number"], datetime.now(UTC)
    found = stuck_sessions.closing(_session(number).number, now)
    if found is None:
        raise Refused(_why_open(number))
    ends = (
        f"at {found.ended_at:%Y-%m-%d %H:%M:%S %Z}, its last reading," if found.ended_at else "now, without a reading,"
    )
    whose = f"{found.charger}, connector {found.connector}, {found.driver or 'no known card'}"
    hit = f"Session {number}, {whose}: ends {ends} with {in_kwh(found.energy_wh)}"
    question = f"Close session {number} as an estimate? {' '.join(found.evidence)}"
    return Warning(question, (f"{hit}{_costing(found.cost)}",))


def _costing(cost: Money | None) -> str:
    return "" if cost is None else f", {cost.amount} {cost.currency}"


@blocking
def _why_open(number: str) -> str:
    """Say why a session cannot be closed."""
    if _session(number).state != SessionState.ACTIVE:
        return f"Session {number} has ended already."
    return f"Nothing speaks for session {number} being over."


@blocking
def _present_energy(number: str) -> Values:
    """Return the figure that is set. What counts tells a form that was made before it was another."""
    row = _session(number)
    kwh = "" if row.decided_wh is None else f"{Decimal(row.decided_wh) / 1000:f}"
    return {"kwh": kwh, "counts": in_kwh(row.effective_wh)}


@blocking
def _named(number: str) -> str:
    row = _session(number)
    driver = row.account.email if row.account else "no known card"
    return f"{row.number}, {row.charger.name}, connector {row.connector}, {driver}"


def _session(number: str) -> ChargingSession:
    """Return a session, locked, in the caller's transaction. Raise `Refused` if there is none."""
    query = ChargingSession.select().where(ChargingSession.number == filters.number(number))
    row: ChargingSession | None = locked(query).first()
    if row is None:
        raise Refused(REFUSALS[EnergyRefusal.NOT_FOUND].format(number=number))
    return row


VERBS = {
    "stop": Verb(Stop, "Stop a session", _stop, warning=_stopping, named=_named, is_in_parts=True),
    "close": Verb(Close, "Close a session as an estimate", _close, warning=_closing, named=_named),
    "set-energy": Verb(
        SetEnergy,
        "Set a session's energy",
        _set_energy,
        _present_energy,
        _energy_bound,
        named=_named,
        acts={"": "Return to the charger's figure"},
    ),
    "recompute": Verb(Recompute, "Recompute a session", _recompute, named=_named),
}
