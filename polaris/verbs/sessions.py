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
from polaris.domain.sentences import N_, Sentence, say, together
from polaris.ingest import EnergyBound, EnergyRefusal, corrections, stuck_sessions
from polaris.ingest.stuck_sessions import Closing
from polaris.models import ChargingSession, blocking, locked
from polaris.verbs.perform import SO_ALREADY
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

REFUSALS = {
    EnergyRefusal.NOT_FOUND: N_("There is no session %(number)s."),
    EnergyRefusal.IN_PROGRESS: N_("Session %(number)s is still in progress: its energy can be set once it has ended."),
    EnergyRefusal.BAD_FIGURE: N_("%(kwh)s is not a figure from 0 to 10000 kWh with at most three decimals."),
    EnergyRefusal.BAD_REASON: N_("A reason has 1 to 200 characters on one line."),
    EnergyRefusal.NOTHING_SET: N_("No figure is set for session %(number)s: the charger's own already counts."),
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
        raise Refused(say(refusal.value))
    return Done(say("The charger of session %(number)s is asked to end it.", number=asked.number))


@blocking
def _account_id(actor: str) -> int | None:
    return None if actor == COMMAND_LINE else int(find_account(actor).id)


def _close(request: Request, asked: Close) -> Done:
    ingest = request.services.ingest
    if not ingest.close_session(asked.number, **request.audited, publisher=request.notifications):
        raise Refused(_why_open(str(asked.number)))
    return Done(say("Session %(number)s is closed as an estimate.", number=asked.number))


def _set_energy(request: Request, asked: SetEnergy) -> Done:
    number, kwh = asked.number, asked.kwh
    corrected = request.services.ingest.set_energy(
        number, kwh, asked.reason, **request.audited, is_forced=asked.force, publisher=request.notifications
    )
    if corrected is EnergyRefusal.ALREADY_SET:
        raise AlreadySo(SO_ALREADY)
    if isinstance(corrected, EnergyRefusal):
        raise Refused(say(REFUSALS[corrected], number=number, kwh=str(kwh)), BLAMED.get(corrected, ""))
    if isinstance(corrected, EnergyBound):
        more = say("%(kwh)s kWh is more. If it is right all the same, force it.", kwh=str(kwh))
        raise Refused(together(_bounded(number, corrected), more), "kwh")
    sentence = say(
        "Session %(number)s: %(before)s before, %(after)s now.",
        number=number,
        before=in_kwh(corrected.before_wh),
        after=in_kwh(corrected.after_wh),
    )
    if kwh is not None and kwh * 1000 > corrected.bound.rated_wh:
        more = say(
            "That is more than its connector delivers in that time, %(energy)s at %(kw)s kW: make sure that it is "
            "right.",
            energy=_at_most(corrected.bound.rated_wh),
            kw=f"{corrected.bound.max_power_w / 1000:g}",
        )
        return Done(together(sentence, more))
    return Done(sentence)


@blocking
def _energy_bound(asked: Values) -> Warning:
    """Say before a figure is typed which one would be refused."""
    row = _session(asked["number"])
    if row.state == SessionState.ACTIVE:
        raise Refused(say(REFUSALS[EnergyRefusal.IN_PROGRESS], number=row.number))
    return Warning(_bounded(row.number, corrections.energy_bound(row, datetime.now(UTC))), is_asked=False)


def _bounded(number: int, bound: EnergyBound) -> Sentence:
    return say(
        "At %(kw)s kW, the connector of session %(number)s delivers at most %(rated)s in its time. "
        "Up to %(most)s is taken, for clocks that are wrong by two minutes and meters that count whole kWh.",
        kw=f"{bound.max_power_w / 1000:g}",
        number=number,
        rated=_at_most(bound.rated_wh),
        most=_at_most(bound.most_wh),
    )


def _recompute(request: Request, asked: Recompute) -> Done:
    try:
        found = request.services.ingest.recompute(asked.number, request.actor, request.now)
    except OperationalError as error:
        raise Refused(str(error)) from error
    if found is None:
        raise Refused(say(REFUSALS[EnergyRefusal.NOT_FOUND], number=asked.number))
    if found.is_final:
        return Done(
            say("Session %(number)s: it is final, since its readings may have been thinned.", number=asked.number)
        )
    return Done(
        say(
            "Session %(number)s: %(before)s before, %(after)s now.",
            number=asked.number,
            before=in_kwh(found.before_wh),
            after=in_kwh(found.after_wh),
        )
    )


def in_kwh(energy_wh: int | None) -> str:
    return say("energy not known") if energy_wh is None else f"{energy_wh / 1000:.2f} kWh"


def _at_most(energy_wh: int) -> str:
    """Return a bound that can be typed as it is shown: rounded down."""
    return in_kwh(energy_wh // 10 * 10)


@blocking
def _stopping(asked: Values) -> Warning:
    number = asked["number"]
    if _session(number).state != SessionState.ACTIVE:
        raise Refused(say("Session %(number)s has ended already.", number=number))
    return Warning(
        say("Stop session %(number)s?", number=number), (say("Session %(session)s", session=_named(number)),)
    )


@blocking
def _closing(asked: Values) -> Warning:
    """Ask before a session is closed: on which evidence, whose it is, and what becomes of it."""
    number, now = asked["number"], datetime.now(UTC)
    found = stuck_sessions.closing(_session(number).number, now)
    if found is None:
        raise Refused(_why_open(number))
    question = say("Close session %(number)s as an estimate?", number=number)
    return Warning(together(question, *found.evidence), (_closed(number, found),))


def _closed(number: str, found: Closing) -> Sentence:
    at_reading = N_("Session %(session)s: ends at %(at)s, its last reading, with %(figures)s")
    text = at_reading if found.ended_at else N_("Session %(session)s: ends now, without a reading, with %(figures)s")
    cost = f"{found.cost.amount} {found.cost.currency}" if found.cost else ""
    return say(
        text,
        session=_place(number, found.charger, found.connector, found.driver),
        at=f"{found.ended_at:%Y-%m-%d %H:%M:%S %Z}" if found.ended_at else "",
        figures=together(in_kwh(found.energy_wh), cost, between=", "),
    )


@blocking
def _why_open(number: str) -> Sentence:
    """Say why a session cannot be closed."""
    if _session(number).state != SessionState.ACTIVE:
        return say("Session %(number)s has ended already.", number=number)
    return say("Nothing speaks for session %(number)s being over.", number=number)


@blocking
def _present_energy(number: str) -> Values:
    """Return the figure that is set. What counts tells a form that was made before it was another."""
    row = _session(number)
    kwh = "" if row.decided_wh is None else f"{Decimal(row.decided_wh) / 1000:f}"
    return {"kwh": kwh, "counts": in_kwh(row.effective_wh)}


@blocking
def _named(number: str) -> str:
    row = _session(number)
    return _place(number, row.charger.name, row.connector, row.account.email if row.account else "")


def _place(number: str, charger: str, connector: int, driver: str) -> Sentence:
    return say(
        "%(number)s, %(charger)s, connector %(connector)s, %(driver)s",
        number=number,
        charger=charger,
        connector=connector,
        driver=driver or say("no known card"),
    )


def _session(number: str) -> ChargingSession:
    """Return a session, locked, in the caller's transaction. Raise `Refused` if there is none."""
    query = ChargingSession.select().where(ChargingSession.number == filters.number(number))
    row: ChargingSession | None = locked(query).first()
    if row is None:
        raise Refused(say(REFUSALS[EnergyRefusal.NOT_FOUND], number=number))
    return row


VERBS = {
    "stop": Verb(Stop, say("Stop a session"), _stop, warning=_stopping, named=_named, is_in_parts=True),
    "close": Verb(Close, say("Close a session as an estimate"), _close, warning=_closing, named=_named),
    "set-energy": Verb(
        SetEnergy,
        say("Set a session's energy"),
        _set_energy,
        _present_energy,
        _energy_bound,
        named=_named,
        acts={"": say("Return to the charger's figure")},
    ),
    "recompute": Verb(Recompute, say("Recompute a session"), _recompute, named=_named),
}
