"""The lifecycle of a charging session: every transition of its state is in this file.

Pure functions of values. A session is ACTIVE until the charger's own end makes it COMPLETED, or until evidence closes
it as ESTIMATED; a late end replaces an estimate by the charger's own figures. Readings change no state. A fact without
a transition from the present state is an anomaly: it is recorded and changes nothing, since chargers skip and repeat
states.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain import data_quality
from polaris.domain.data_quality import Note
from polaris.domain.enums import SessionState
from polaris.domain.facts import SessionEnded
from polaris.domain.metering import BEGIN, END, Meter, Piece, Reading, by_instant

SESSION_ENDED = SessionEnded.name
SESSION_SUPERSEDED = "session.superseded"  # evidence: another session began on the connector
SESSION_CLOSED = "session.closed"  # evidence: an operator closed it

TRANSITIONS: dict[tuple[SessionState, str], SessionState] = {
    (SessionState.ACTIVE, SESSION_ENDED): SessionState.COMPLETED,
    (SessionState.ACTIVE, SESSION_SUPERSEDED): SessionState.ESTIMATED,
    (SessionState.ACTIVE, SESSION_CLOSED): SessionState.ESTIMATED,
    (SessionState.ESTIMATED, SESSION_ENDED): SessionState.COMPLETED,
}

# A charger's instant outside of these bounds is replaced by the time of receipt. Without the first, a wrong clock would
# date readings into the future; without the second, into 1970. Queued messages are rarely older than 90 days. What a
# clock is known to be ahead is taken off before (`clock`).
MAX_CLOCK_AHEAD = timedelta(minutes=2)
MAX_OFFLINE = timedelta(days=90)

# Some chargers always send 0 as the register at the start. Without these bounds the meter's lifetime total would then
# count as delivered: a first reading further above 0 than this energy, plus this power over time, shows a placeholder.
MAX_FIRST_WH = 1_000_000
MAX_POWER_W = 1_000_000

NOTHING = Meter(Piece(0))  # no energy delivered, from a register at the start that was 0 or missing


class Session(Struct, frozen=True):
    """The values that a session's next state depends on. Instants are UTC; `last_reading_at` is the charger's clock."""

    state: SessionState
    started_at: datetime
    meter: Meter
    ended_at: datetime | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    last_reading_at: datetime | None = None
    stop_reason: str = ""
    start_wh: int = 0  # the register as the charger sent it with the start; negative if it sent none
    interval_wh: int = 0  # the sum of the interval readings: energy since the reading before


class ReadingRow(Struct, frozen=True):
    """A reading to store, with the energy that the session had delivered by then."""

    reading: Reading
    energy_wh: int | None
    is_final: bool = False


class Decision(Struct, frozen=True):
    """The result of a fact: the session after it, the rows to store, and the reason if it changed nothing."""

    session: Session
    rows: tuple[ReadingRow, ...] = ()
    anomaly: str = ""
    notes: frozenset[Note] = frozenset()


def begin(at: datetime | None, received_at: datetime, meter_start_wh: int) -> Session:
    """Return the session that a start opens."""
    started_at = believable(at, received_at)
    return Session(SessionState.ACTIVE, started_at, Meter(Piece(max(0, meter_start_wh))), start_wh=meter_start_wh)


def dated(readings: Iterable[Reading], received_at: datetime) -> list[Reading]:
    """Return readings as `meter` and `end` take them: at believable instants, in time order, one for each instant."""
    return by_instant(_believably(reading, received_at) for reading in readings)


def _believably(reading: Reading, received_at: datetime) -> Reading:
    at = believable(reading.sampled_at, received_at)
    return reading if at is reading.sampled_at else replace(reading, sampled_at=at)


def meter(session: Session, readings: Iterable[Reading]) -> Decision:
    """Apply `dated` readings. After the end they are stored, but change none of the final figures."""
    if session.state is SessionState.ESTIMATED:
        return _improve(session, readings)
    before, readings, rows = session, list(readings), []
    for reading in readings:
        session, row = _apply(session, reading)
        rows.append(row)
    notes = data_quality.of_readings(before.last_reading_at, before.meter, session.meter, readings)
    return Decision(session, tuple(rows), notes=notes)


def _improve(session: Session, readings: Iterable[Reading]) -> Decision:
    """Improve an estimate, which stays one, by readings that were still in the charger's queue."""
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
    """Close the session with the charger's own figures, once. They replace an estimate."""
    after = TRANSITIONS.get((session.state, SESSION_ENDED))
    if after is None:
        return Decision(session, anomaly=f"{SESSION_ENDED} while {session.state}")
    metered = meter(replace(session, state=SessionState.ACTIVE), readings)
    ended_at = max(believable(at, received_at), session.started_at)
    meter_ = metered.session.meter
    notes = data_quality.of_stop(meter_, session.start_wh, meter_stop_wh)
    if meter_stop_wh is not None:
        meter_ = _closed(metered.session, meter_stop_wh, ended_at, notes)
        if meter_ == Meter(Piece(meter_stop_wh)) != metered.session.meter:
            notes = frozenset({Note.START_MISSING})
    final = ReadingRow(Reading(ended_at, END, meter_stop_wh), meter_.energy_wh, is_final=True)
    rows = [row for row in metered.rows if row.reading.sampled_at != ended_at] + [_merged(final, metered.rows)]
    ended = replace(
        metered.session,
        state=after,
        meter=meter_,
        ended_at=ended_at,
        power_w=None,
        stop_reason=reason,
        last_reading_at=ended_at,
    )
    notes |= metered.notes | data_quality.of_instant(at, ended_at, received_at)
    return Decision(ended, tuple(rows), notes=notes)


def supersede(session: Session, *, received_at: datetime) -> Decision:
    """Close the session at its last reading, as an estimate: another session began on its connector."""
    return _estimate(session, SESSION_SUPERSEDED, received_at)


def close(session: Session, *, now: datetime) -> Decision:
    """Close the session at its last reading, as an estimate, for an operator who has seen the evidence."""
    decision = _estimate(session, SESSION_CLOSED, now)
    return decision if decision.anomaly else replace(decision, notes=frozenset({Note.CLOSED_BY_OPERATOR}))


def _estimate(session: Session, event: str, received_at: datetime) -> Decision:
    after = TRANSITIONS.get((session.state, event))
    if after is None:
        return Decision(session, anomaly=f"{event} while {session.state}")
    ended_at = max(min(session.last_reading_at or received_at, received_at), session.started_at)
    return Decision(replace(session, state=after, ended_at=ended_at, power_w=None))


def believable(at: datetime | None, received_at: datetime) -> datetime:
    """Return the charger's instant, or the time of receipt if its clock must be wrong (1970, 2000, the future)."""
    if at is None or not received_at - MAX_OFFLINE <= at <= received_at + MAX_CLOCK_AHEAD:
        return received_at
    return at


def _apply(session: Session, reading: Reading) -> tuple[Session, ReadingRow]:
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
    """Return the session after an interval reading, which counts whenever it arrives.

    Registers and intervals are never added together: the total is the larger of the two.
    """
    interval_wh = session.interval_wh + max(0, interval_wh)
    meter_ = replace(session.meter, energy_wh=max(session.meter.energy_wh, interval_wh))
    return replace(session, interval_wh=interval_wh, meter=meter_)


def _is_behind(session: Session, reading: Reading) -> bool:
    """Whether the reading is older than the newest one.

    A reading whose register has risen is not, whatever its instant: the charger's clock was ahead and was corrected.
    """
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
        return Meter(Piece(register_wh))  # the register sent with the start was a placeholder
    if meter_.is_reset_by(register_wh) and reading.sampled_at == session.last_reading_at:
        return meter_  # one instant cannot have a register from before and from after a reset
    return meter_.advanced(register_wh)


def _is_base(session: Session, register_wh: int, at: datetime) -> bool:
    """Whether a register reading is the session's first, because the start's was missing or a placeholder."""
    if session.start_wh < 0 and session.last_reading_at is None:
        return True
    seconds = max(0.0, (at - session.started_at).total_seconds())
    return register_wh > MAX_FIRST_WH + MAX_POWER_W * seconds / 3600


def _closed(session: Session, stop_wh: int, ended_at: datetime, notes: frozenset[Note]) -> Meter:
    """Return the total after the register reading of the end, which is ignored if it contradicts earlier readings."""
    meter_ = session.meter
    if Note.UNIT_DOUBTFUL in notes:  # the readings' unit differs from that of the start and the end, which agree
        return Meter(Piece(session.start_wh), stop_wh - session.start_wh)
    if stop_wh < meter_.piece.base_wh:
        return meter_
    if meter_ == NOTHING and _is_base(session, stop_wh, ended_at):
        return Meter(Piece(stop_wh))
    if 0 < session.interval_wh == meter_.energy_wh and meter_.piece.energy_wh(stop_wh) > 0:
        return Meter(meter_.piece, meter_.piece.energy_wh(stop_wh))  # a register is more precise than intervals
    return meter_.advanced(stop_wh)


def _merged(final: ReadingRow, rows: Iterable[ReadingRow]) -> ReadingRow:
    """Return the final row, with the other values of a reading of the same instant."""
    for row in rows:
        if row.reading.sampled_at == final.reading.sampled_at:
            register_wh = (
                final.reading.register_wh if final.reading.register_wh is not None else row.reading.register_wh
            )
            return replace(final, reading=replace(row.reading, register_wh=register_wh))
    return final
