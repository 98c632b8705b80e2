"""The energy of sessions as operators set it, the sessions that wait for that, and figures made out again.

An operator's figure outranks the charger's wherever energy is shown or priced; the charger's own is kept beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace
from peewee import SQL

from polaris.audit import record
from polaris.domain.chains import between
from polaris.domain.data_quality import OF_READINGS, Note
from polaris.domain.enums import Correction, SessionState
from polaris.domain.instants import to_microseconds
from polaris.ingest.facts import corrections, data_quality, max_power, rebuild
from polaris.ingest.facts.chargers import change
from polaris.ingest.facts.rebuild import Figures
from polaris.models import Charger, ChargingSession, EnergyCorrection, locked
from polaris.models.session import begun
from polaris.pubsub import ChangeNotification

MAX_KWH = Decimal(10_000)  # without it, a slip of the keyboard could make a bill of millions
MAX_REASON_LENGTH = 200  # without it, a pasted log could fill the session's page
MAX_UNKNOWN = 100  # listed at a time
# A literal: SQLite uses a partial index only if the statement's text implies the index's condition.
NOT_KNOWN = SQL("energy_wh IS NULL AND decided_wh IS NULL")
MAX_NUMBERS = 100  # read at a time; without it, a walk over all sessions would hold them all in memory


class EnergyRefusal(StrEnum):
    """Why a session's energy was not set."""

    NOT_FOUND = "not_found"
    IN_PROGRESS = "in_progress"
    BAD_FIGURE = "bad_figure"
    BAD_REASON = "bad_reason"
    NOTHING_SET = "nothing_set"
    ALREADY_SET = "already_set"


@dataclass(frozen=True, slots=True)
class EnergyBound:
    """The most that a connector can have delivered in a session's time, at its greatest power and with the slack."""

    rated_wh: int
    most_wh: int
    max_power_w: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """A session's energy before and after it was set; None if it was or is not known."""

    before_wh: int | None
    after_wh: int | None
    bound: EnergyBound


@dataclass(frozen=True, slots=True)
class UnknownEnergy:
    """An ended session whose energy is not known."""

    number: int
    charger: str
    connector: int
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A session's own figure and notes before and after they were made out again."""

    before_wh: int | None
    after_wh: int | None
    decided_wh: int | None  # the operator's figure, which counts all the same
    added: frozenset[Note]
    removed: frozenset[Note]
    is_outdated: bool  # whether anything that counts differs from what is stored
    is_final: bool = False  # it is not made out again: its readings may have been thinned

    @property
    def has_other_figure(self) -> bool:
        return self.before_wh != self.after_wh

    @property
    def has_other_notes(self) -> bool:
        return bool(self.added or self.removed)


def set_energy(
    notifications: list[ChangeNotification],
    number: int,
    kwh: Decimal | None,
    why: str,
    *,
    actor: str,
    now: datetime,
    is_forced: bool = False,
) -> Corrected | EnergyRefusal | EnergyBound:
    """Set an ended session's energy, or with None return to the charger's own figure.

    A figure beyond the bound, which is returned then, has to be forced.
    """
    decided_wh, why = None if kwh is None else _whole_wh(kwh), why.strip()
    if kwh is not None and decided_wh is None:
        return EnergyRefusal.BAD_FIGURE
    if not why or len(why) > MAX_REASON_LENGTH or not why.isprintable():
        return EnergyRefusal.BAD_REASON
    row = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    refusal = _refusal(row, decided_wh)
    if refusal is not None:
        return refusal
    bound = energy_bound(row, now)
    is_beyond = decided_wh is not None and decided_wh > bound.most_wh
    if is_beyond and not is_forced:
        return bound
    before_wh, row.decided_wh = row.effective_wh, decided_wh
    corrected = Corrected(before_wh, row.effective_wh, bound)
    forced = f", forced beyond {bound.most_wh} Wh" if is_beyond else ""
    _record(number, corrected, why, actor, now, forced=forced)
    change(notifications, row, decided_wh=decided_wh)
    return corrected


def _refusal(row: ChargingSession | None, decided_wh: int | None) -> EnergyRefusal | None:
    """Return why a session's energy cannot be set, or not to this figure."""
    if row is None:
        return EnergyRefusal.NOT_FOUND
    if row.state == SessionState.ACTIVE:
        return EnergyRefusal.IN_PROGRESS
    if decided_wh != row.decided_wh:
        return None
    return EnergyRefusal.NOTHING_SET if decided_wh is None else EnergyRefusal.ALREADY_SET


def energy_bound(row: ChargingSession, now: datetime) -> EnergyBound:
    """Return the most that a session can have had, with the power that its connector is bound to at present."""
    max_power_w = max_power.bound_w(row.charger_id, row.connector)
    meter = begun(row, max_power_w)
    ended_us, received_us = (to_microseconds(at or now) for at in (row.ended_at, row.end_received_at or row.ended_at))
    elapsed_us = between(meter.started_us, meter.start_received_us, ended_us, received_us)
    return EnergyBound(meter.bound.rated_wh(elapsed_us), meter.bound.most_wh(elapsed_us), max_power_w)


def unknown_energy(limit: int = MAX_UNKNOWN) -> list[UnknownEnergy]:
    """Return the newest ended sessions whose energy is not known."""
    query = (
        ChargingSession.select(
            ChargingSession.number,
            ChargingSession.connector,
            ChargingSession.started_at,
            ChargingSession.ended_at,
            Charger.identity,
        )
        .join(Charger)
        .where(ChargingSession.state != SessionState.ACTIVE)
        .where(NOT_KNOWN)
        .order_by(SQL("+number DESC"))  # without the sign, SQLite would walk over all sessions for this order
        .limit(limit)
    )
    return [
        UnknownEnergy(row.number, row.charger.identity, row.connector, row.started_at, row.ended_at) for row in query
    ]


def numbers(after: int) -> list[int]:
    """Return the next numbers of sessions after one, in order; none if there are no more."""
    query = ChargingSession.select(ChargingSession.number).where(ChargingSession.number > after)
    return [row.number for row in query.order_by(ChargingSession.number).limit(MAX_NUMBERS)]


class Remade(NamedTuple):
    """A session made out again, with its figures to store."""

    session: ChargingSession
    figures: Figures
    recomputed: Recomputed


def remade(number: int) -> Remade | None:
    """Make a session out again, with the power that its connector is bound to at present; None if there is none."""
    row = ChargingSession.get_or_none(ChargingSession.number == number)
    if row is None:
        return None
    if row.final_at is not None:
        return Remade(row, Figures(row.values(), (), frozenset()), _final(row))
    figures = rebuild.rebuilt(row, max_power.bound_w(row.charger_id, row.connector))
    if row.state == SessionState.ACTIVE:  # a pause may have cleared its power since the last reading
        figures = figures._replace(values=replace(figures.values, power_w=row.power_w))
    noted = data_quality.stored(row.number)
    added, removed = figures.notes - noted, (noted & OF_READINGS) - figures.notes
    columns = figures.columns()
    if row.state != SessionState.ACTIVE:
        del columns["meter"]  # nothing is added to it: alone it is no reason to write
    is_outdated = bool(added or removed or figures.judged) or any(
        getattr(row, name) != value for name, value in columns.items()
    )
    recomputed = Recomputed(row.energy_wh, figures.values.energy_wh, row.decided_wh, added, removed, is_outdated)
    return Remade(row, figures, recomputed)


def _final(row: ChargingSession) -> Recomputed:
    nothing: frozenset[Note] = frozenset()
    return Recomputed(row.energy_wh, row.energy_wh, row.decided_wh, nothing, nothing, is_outdated=False, is_final=True)


def recompute(notifications: list[ChangeNotification], made: Remade, *, actor: str, now: datetime) -> bool:
    """Store a session that was made out again; return False if it has changed since it was loaded."""
    row, figures, recomputed = made
    if not rebuild.is_unchanged(row):
        return False
    rebuild.store(row, figures, now)
    if row.state != SessionState.ACTIVE:
        corrections.note(row, Correction.RECOMPUTED, recomputed.before_wh, now, actor)
    detail = f"{_in_words(recomputed.before_wh)} to {_in_words(recomputed.after_wh)}"
    for words, notes in (("added", recomputed.added), ("removed", recomputed.removed)):
        detail += f"; notes {words}: {', '.join(sorted(notes))}" if notes else ""
    record(actor, "session.recomputed", f"session {row.number}", now, detail)
    change(notifications, row, **figures.columns(), needs_rebuild=row.needs_rebuild)
    return True


def _whole_wh(kwh: Decimal) -> int | None:
    """Return kWh in Wh; None if they are out of bounds or have parts of a Wh."""
    if not kwh.is_finite() or not 0 <= kwh <= MAX_KWH:
        return None
    wh = kwh * 1000
    return int(wh) if wh == wh.to_integral_value() else None


def _record(number: int, corrected: Corrected, why: str, actor: str, now: datetime, *, forced: str) -> None:
    before_wh, after_wh = corrected.before_wh, corrected.after_wh
    EnergyCorrection.create(
        session=number, at=now, kind=Correction.SET, before_wh=before_wh, after_wh=after_wh, actor=actor, why=why
    )
    detail = f"{_in_words(before_wh)} to {_in_words(after_wh)}{forced}: {why}"
    record(actor, "session.energy_set", f"session {number}", now, detail)


def _in_words(energy_wh: int | None) -> str:
    return "not known" if energy_wh is None else f"{energy_wh} Wh"
