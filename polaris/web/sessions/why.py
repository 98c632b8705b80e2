"""The page that says where a session's figures come from, line by line, and what it is made of.

Beside the words for its reader, each line has its exact figure as an attribute: what the page shows is enough to
recompute the session's Wh and cents.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from polaris.domain import derivation
from polaris.domain import session as lifecycle
from polaris.domain.data_quality import Note
from polaris.domain.derivation import Basis, Derivation, Source
from polaris.domain.enums import Correction, SessionState, SetAside
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Session
from polaris.ingest.facts import meter_rows
from polaris.models import ChargingSession, EnergyCorrection, blocking
from polaris.models.session import begun
from polaris.web.sessions import queries
from polaris.web.sessions.bill import Bill, bill_of
from polaris.web.sessions.view import SessionView

MAX_ROWS = 200  # of the readings in a table: without it, a page of a faulty meter would have tens of thousands
MAX_READS = 3  # a reading that is stored in between would have another figure explained than is shown


class Place(StrEnum):
    """The part of the page that a note belongs to."""

    DECIDED = "decided"
    ENERGY = "energy"
    ASIDE = "aside"
    TIMES = "times"


_PLACES = {
    Note.SET_BY_OPERATOR: Place.DECIDED,
    Note.REGISTER_RESET: Place.ENERGY,
    Note.UNIT_OVERRIDE: Place.ENERGY,
    Note.NOT_KNOWN: Place.ENERGY,
    Note.COUNTED_FROM_ZERO: Place.ENERGY,
    Note.START_MISSING: Place.ENERGY,
    Note.FINAL_MISSING: Place.ENERGY,
    Note.FINAL_BELOW_READINGS: Place.ENERGY,
    Note.INFERRED: Place.ENERGY,
    Note.GAP: Place.ENERGY,
    Note.UNIT_DOUBTFUL: Place.ASIDE,
    Note.OTHER_REGISTER: Place.ASIDE,
    Note.READINGS_SET_ASIDE: Place.ASIDE,
    Note.UNREADABLE: Place.ASIDE,
    Note.NOT_METERED: Place.ENERGY,
    Note.POWER_EXCEEDED: Place.ENERGY,
    Note.FINAL_DOUBTED: Place.ASIDE,
    Note.CLOCK_CORRECTED: Place.TIMES,
    Note.REPLAYED_OFFLINE: Place.TIMES,
    Note.START_NEVER_CAME: Place.TIMES,
    Note.END_JOINED: Place.TIMES,
    Note.CLOSED_BY_OPERATOR: Place.TIMES,
}


class Aside(Struct, frozen=True):
    """A reading that is not counted."""

    at: datetime
    wh: int | None
    reason: str  # enums.SetAside
    source: Source


class Why(Struct, frozen=True):
    """The page of a session, as of an instant."""

    session: SessionView
    revision: int  # of the session when everything had been read
    as_of: datetime
    final_at: datetime | None
    derivation: Derivation
    decided: EnergyCorrection | None  # the operator's last decision, if his figure counts
    bill: Bill | None
    estimated_wh: int | None  # of the estimate that the charger's own end has replaced
    aside: tuple[Aside, ...]  # the newest readings that are not counted, oldest first
    earlier_aside: int  # how many there are beside
    late: int  # readings after the charger's end

    @property
    def basis(self) -> str:
        """The name of the sentence on where the energy comes from."""
        if self.derivation.basis is not Basis.NOT_KNOWN:
            return self.derivation.basis
        if self.session.is_unjudged:
            return "unjudged"
        return {0: "no_figure", 1: "one_figure"}.get(len(self.derivation.claims), Basis.NOT_KNOWN)

    @property
    def duration_s(self) -> int:
        return self.session.elapsed_s

    @property
    def until_at(self) -> datetime:
        return self.session.ended_at or self.as_of

    @property
    def is_cut(self) -> bool:
        """Whether the duration differs from what the times to the second give."""
        started_at, until_at = (at.replace(microsecond=0) for at in (self.session.started_at, self.until_at))
        return until_at - started_at != timedelta(seconds=self.duration_s)

    @property
    def intervals(self) -> tuple[tuple[datetime, int], ...]:
        """The newest intervals that count, oldest first."""
        intervals = self.derivation.intervals
        return intervals.readings[-MAX_ROWS:] if intervals else ()

    @property
    def earlier_intervals(self) -> tuple[int, int]:
        """How many intervals there are beside, and their sum."""
        intervals = self.derivation.intervals
        earlier = intervals.readings[:-MAX_ROWS] if intervals else ()
        return len(earlier), sum(wh for _, wh in earlier)

    def notes_at(self, place: Place) -> list[Note]:
        return [note for note in self.session.notes if _PLACES[note] == place]


def why(number: int, now: datetime, stale_after: timedelta) -> Why | None:
    """Read how a session's figures, as its page has them at `now`, come about; return None if there is no session.

    It is as of a whole second, so that what is pushed is what the page shows.
    """
    page, now = None, now.replace(microsecond=0)
    for _ in range(MAX_READS):
        session = queries.session_view(number, now, stale_after)
        page = None if session is None else _read(session, now)
        if page is None or page.revision == page.session.revision:
            break
    return page


@blocking
def _read(session: SessionView, now: datetime) -> Why:
    row = ChargingSession.get_by_id(session.number)
    values = row.values()
    rows = list(meter_rows.load(row).values())
    start = Session(SessionState.ACTIVE, row.started_at, begun(row, values.meter.max_power_w))
    rebuilt = lifecycle.rebuild(start, rows, values)
    derived = derivation.derive(start, rebuilt, session.charger_wh)
    aside = _start_aside(start, derived)
    aside += [_aside(reading) for reading in rebuilt.rows if not reading.is_counted]
    counted = len(rebuilt.told.seen) + sum(reading.is_final for reading in rows)
    return Why(
        session=session,
        revision=_revision(session.number),
        as_of=now,
        final_at=row.final_at,
        derivation=derived,
        decided=_decided(session.number) if row.decided_wh is not None else None,
        bill=bill_of(session, row, now),
        estimated_wh=row.estimated_wh,
        aside=tuple(aside[-MAX_ROWS:]),
        earlier_aside=max(0, len(aside) - MAX_ROWS),
        late=len(rows) - counted,
    )


def _revision(number: int) -> int:
    query = ChargingSession.select(ChargingSession.revision).where(ChargingSession.number == number)
    revision: int = query.scalar()
    return revision


def _aside(row: ReadingRow) -> Aside:
    reading = row.reading
    wh = reading.interval_wh if reading.register_wh is None else reading.register_wh
    return Aside(reading.sampled_at, wh, row.set_aside, Source.END if row.is_final else Source.READING)


def _start_aside(start: Session, derived: Derivation) -> list[Aside]:
    """Return the register at the start, which is no reading, if the energy counts from another figure."""
    start_wh = start.meter.start_wh
    if start_wh is None or not derived.steps or derived.steps[0].first.wh == start_wh:
        return []
    is_other = derived.basis is Basis.FROM_ZERO
    return [
        Aside(start.started_at, start_wh, SetAside.OTHER_REGISTER if is_other else SetAside.CONTRADICTED, Source.START)
    ]


def _decided(number: int) -> EnergyCorrection | None:
    query = EnergyCorrection.select().where(EnergyCorrection.session == number, EnergyCorrection.kind == Correction.SET)
    found: EnergyCorrection | None = query.order_by(EnergyCorrection.id.desc()).first()
    return found
