"""The life of a charging session: every way its state can change stands in this file.

Values in, decisions out. A session is ACTIVE until the charger's own end makes it COMPLETED, or until evidence closes
it as ESTIMATED; a late end still turns an estimate into the charger's own figures. Readings change no state. A fact
that a state has no row for is an anomaly: it changes no state and is kept, since chargers skip and repeat states.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain import data_quality
from polaris.domain.data_quality import Note
from polaris.domain.enums import SessionState
from polaris.domain.facts import SESSION_ENDED
from polaris.domain.metering import BEGIN, END, Meter, Piece, Reading, by_instant

SESSION_SUPERSEDED = "session.superseded"  # evidence: the connector began another session
SESSION_CLOSED = "session.closed"  # evidence: an operator looked at it

TRANSITIONS: dict[tuple[SessionState, str], SessionState] = {
    (SessionState.ACTIVE, SESSION_ENDED): SessionState.COMPLETED,
    (SessionState.ACTIVE, SESSION_SUPERSEDED): SessionState.ESTIMATED,
    (SessionState.ACTIVE, SESSION_CLOSED): SessionState.ESTIMATED,
    (SessionState.ESTIMATED, SESSION_ENDED): SessionState.COMPLETED,
}

MAX_CLOCK_AHEAD = timedelta(hours=24)  # a charger's clock that is further ahead of ours than this is not believed
MAX_FIRST_WH = 1_000_000  # a first reading that is further above a start of 0 shows that 0 was a placeholder,
MAX_POWER_W = 1_000_000  # unless this much power explains it
NOTHING = Meter(Piece(0))  # delivered, from a register that was said to be 0 or was not said
MAX_OFFLINE = timedelta(days=90)  # nor one that is further behind: queued messages are rarely older


class Session(Struct, frozen=True):
    """What a session's next state depends on. Instants are UTC; `last_reading_at` is on the charger's clock."""

    state: SessionState
    started_at: datetime
    meter: Meter
    ended_at: datetime | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    last_reading_at: datetime | None = None
    stop_reason: str = ""
    start_wh: int = 0  # as the charger said it; below 0 where it said nothing
    interval_wh: int = 0  # the sum of readings that say only what came since the one before


class ReadingRow(Struct, frozen=True):
    """A reading as it is stored: `energy_wh` is what the session had delivered by then."""

    reading: Reading
    energy_wh: int | None
    is_final: bool = False


class Decision(Struct, frozen=True):
    """A fact's consequence: the session after it, the rows to store, and, where it changed nothing, why."""

    session: Session
    rows: tuple[ReadingRow, ...] = ()
    anomaly: str = ""
    notes: frozenset[Note] = frozenset()


def begin(at: datetime | None, received_at: datetime, meter_start_wh: int) -> Session:
    """The session that a start makes."""
    meter_ = Meter(Piece(max(0, meter_start_wh)))
    return Session(SessionState.ACTIVE, believable(at, received_at), meter_, start_wh=meter_start_wh)


def dated(readings: Iterable[Reading], received_at: datetime) -> list[Reading]:
    """Readings at instants that can be right, in time order, one for each instant: as `meter` and `end` take them."""
    return by_instant(_believably(reading, received_at) for reading in readings)


def _believably(reading: Reading, received_at: datetime) -> Reading:
    at = believable(reading.sampled_at, received_at)
    return reading if at is reading.sampled_at else replace(reading, sampled_at=at)


def meter(session: Session, readings: Iterable[Reading]) -> Decision:
    """Take `dated` readings in. After the end they are kept as late, and change nothing that is shown as final."""
    if session.state is SessionState.ESTIMATED:
        return _improve(session, readings)
    before, taken, rows = session, list(readings), []
    for reading in taken:
        session, row = _take(session, reading)
        rows.append(row)
    found = data_quality.of_readings(before.last_reading_at, before.meter, session.meter, taken)
    return Decision(session, tuple(rows), notes=found)


def _improve(session: Session, readings: Iterable[Reading]) -> Decision:
    """An estimate stays one, and gets better by the readings that the charger still had in its queue."""
    metered = meter(replace(session, state=SessionState.ACTIVE), readings)
    last_at = max(at for at in (session.ended_at, metered.session.last_reading_at) if at is not None)
    improved = replace(metered.session, state=session.state, ended_at=last_at, power_w=None)
    return replace(metered, session=improved)


def end(
    session: Session,
    *,
    at: datetime | None,
    received_at: datetime,
    meter_stop_wh: int | None,
    reason: str,
    readings: Iterable[Reading] = (),
) -> Decision:
    """Close the session with the charger's own figures, once; an estimate is replaced by them."""
    after = TRANSITIONS.get((session.state, SESSION_ENDED))
    if after is None:
        return Decision(session, anomaly=f"{SESSION_ENDED} while {session.state}")
    metered = meter(replace(session, state=SessionState.ACTIVE), readings)
    rows, closing = list(metered.rows), metered.session
    ended_at = max(believable(at, received_at), session.started_at)
    stop = data_quality.of_stop(closing.meter, closing.start_wh, meter_stop_wh)
    if meter_stop_wh is not None:
        closed = _closed(closing, meter_stop_wh, ended_at, stop)
        if closed == Meter(Piece(meter_stop_wh)) != closing.meter:
            stop = frozenset({Note.START_MISSING})
        closing = replace(closing, meter=closed)
    final = ReadingRow(Reading(ended_at, END, meter_stop_wh), closing.meter.energy_wh, is_final=True)
    rows = [row for row in rows if row.reading.sampled_at != ended_at] + [_joined(final, rows)]
    closing = replace(
        closing, state=after, ended_at=ended_at, power_w=None, stop_reason=reason, last_reading_at=ended_at
    )
    return Decision(
        closing, tuple(rows), notes=metered.notes | stop | data_quality.of_instant(at, ended_at, received_at)
    )


def supersede(session: Session, *, received_at: datetime) -> Decision:
    """Close the session on evidence: its connector began another. Its last reading is the best there is."""
    return _estimate(session, SESSION_SUPERSEDED, received_at)


def close(session: Session, *, now: datetime) -> Decision:
    """Close the session on the evidence that an operator saw. Its last reading is the best there is."""
    decision = _estimate(session, SESSION_CLOSED, now)
    return decision if decision.anomaly else replace(decision, notes=frozenset({Note.CLOSED_BY_OPERATOR}))


def _estimate(session: Session, event: str, received_at: datetime) -> Decision:
    after = TRANSITIONS.get((session.state, event))
    if after is None:
        return Decision(session, anomaly=f"{event} while {session.state}")
    ended_at = max(min(session.last_reading_at or received_at, received_at), session.started_at)
    return Decision(replace(session, state=after, ended_at=ended_at, power_w=None))


def believable(at: datetime | None, received_at: datetime) -> datetime:
    """The charger's instant, or the time of receipt where its clock cannot be right (FIELD: 1970, 2000, the future)."""
    if at is None or not received_at - MAX_OFFLINE <= at <= received_at + MAX_CLOCK_AHEAD:
        return received_at
    return at


def _take(session: Session, reading: Reading) -> tuple[Session, ReadingRow]:
    if session.state is SessionState.ACTIVE and reading.register_wh is None and reading.interval_wh:
        session = _with_interval(session, reading.interval_wh)
    if session.state is not SessionState.ACTIVE or _is_behind(session, reading):
        energy_wh = None if reading.register_wh is None else session.meter.at(reading.register_wh)
        return session, ReadingRow(reading, energy_wh)
    meter_ = _metered(session, reading)
    session = replace(
        session,
        meter=meter_,
        power_w=session.power_w if reading.power_w is None else reading.power_w,
        soc_percent=session.soc_percent if reading.soc_percent is None else reading.soc_percent,
        last_reading_at=max(reading.sampled_at, session.last_reading_at or reading.sampled_at),
    )
    has_energy = reading.register_wh is not None or reading.interval_wh is not None
    return session, ReadingRow(reading, meter_.energy_wh if has_energy else None)


def _with_interval(session: Session, interval_wh: int) -> Session:
    """The session after a reading that says only what came since the one before: it counts whenever it comes.

    Registers and intervals are never added up: the total is what either says, whichever says more.
    """
    interval_wh = session.interval_wh + max(0, interval_wh)
    meter_ = replace(session.meter, energy_wh=max(session.meter.energy_wh, interval_wh))
    return replace(session, interval_wh=interval_wh, meter=meter_)


def _is_behind(session: Session, reading: Reading) -> bool:
    """Whether the reading is older than the newest. A register that has risen is not, whatever the clock says: the
    charger's clock was ahead and has been put right."""
    if session.last_reading_at is None or reading.sampled_at >= session.last_reading_at:
        return False
    has_risen = reading.register_wh is not None and (
        session.meter.piece.energy_wh(reading.register_wh) > session.meter.energy_wh
    )
    return not has_risen


def _metered(session: Session, reading: Reading) -> Meter:
    register_wh, meter_ = reading.register_wh, session.meter
    if register_wh is None:
        return meter_
    if meter_ == NOTHING and (reading.context == BEGIN or _is_base(session, register_wh, reading.sampled_at)):
        return Meter(Piece(register_wh))  # the start's own figure was a placeholder
    if meter_.is_reset_by(register_wh) and reading.sampled_at == session.last_reading_at:
        return meter_  # one instant cannot hold a register before and after its reset
    return meter_.advanced(register_wh)


def _is_base(session: Session, register_wh: int, at: datetime) -> bool:
    """Whether a register value is where the session began, its start's own figure being missing or a placeholder."""
    if session.start_wh < 0 and session.last_reading_at is None:
        return True
    seconds = max(0.0, (at - session.started_at).total_seconds())
    return register_wh > MAX_FIRST_WH + MAX_POWER_W * seconds / 3600


def _closed(session: Session, stop_wh: int, ended_at: datetime, found: frozenset[Note]) -> Meter:
    """The total after the register reading of the end. One that contradicts what was read is fallen back from."""
    meter_ = session.meter
    if Note.UNIT_DOUBTFUL in found:  # readings in another unit than the start and the end, which belong together
        return Meter(Piece(session.start_wh), stop_wh - session.start_wh)
    if stop_wh < meter_.piece.base_wh:
        return meter_
    if meter_ == NOTHING and _is_base(session, stop_wh, ended_at):
        return Meter(Piece(stop_wh))
    if 0 < session.interval_wh == meter_.energy_wh and meter_.piece.energy_wh(stop_wh) > 0:
        return Meter(meter_.piece, meter_.piece.energy_wh(stop_wh))  # a register says it better than the intervals
    return meter_.advanced(stop_wh)


def _joined(final: ReadingRow, rows: Iterable[ReadingRow]) -> ReadingRow:
    """The final row, with what a reading of the same instant says beside it."""
    for row in rows:
        if row.reading.sampled_at == final.reading.sampled_at:
            register_wh = (
                final.reading.register_wh if final.reading.register_wh is not None else row.reading.register_wh
            )
            return replace(final, reading=replace(row.reading, register_wh=register_wh))
    return final
