"""The life of a charging session: every way its state can change stands in this file.

Values in, decisions out. A session is ACTIVE until the charger's own end makes it COMPLETED, or until evidence closes
it as ESTIMATED; a late end still turns an estimate into the charger's own figures. Readings change no state. A fact
that a state has no row for is an anomaly: it changes no state and is kept, since chargers skip and repeat states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from polaris.domain.facts import SESSION_ENDED
from polaris.domain.metering import BEGIN, END, Meter, Piece, Reading, by_instant
from polaris.domain.words import SessionState

SESSION_SUPERSEDED = "session.superseded"  # evidence: the connector began another session

TRANSITIONS: dict[tuple[SessionState, str], SessionState] = {
    (SessionState.ACTIVE, SESSION_ENDED): SessionState.COMPLETED,
    (SessionState.ACTIVE, SESSION_SUPERSEDED): SessionState.ESTIMATED,
    (SessionState.ESTIMATED, SESSION_ENDED): SessionState.COMPLETED,
}

FURTHEST_CLOCK = timedelta(hours=24)  # a charger's clock that is further ahead of ours than this is not believed
LONGEST_OFFLINE = timedelta(days=90)  # nor one that is further behind: queued messages are rarely older


@dataclass(frozen=True, slots=True)
class Session:
    """What a session's next state depends on. Instants are UTC; `last_reading_at` is on the charger's clock."""

    state: SessionState
    started_at: datetime
    meter: Meter
    ended_at: datetime | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    last_reading_at: datetime | None = None
    stop_reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A reading as it is stored: `energy_wh` is what the session had delivered by then."""

    reading: Reading
    energy_wh: int | None
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A fact's consequence: the session after it, the rows to store, and, where it changed nothing, why."""

    session: Session
    rows: tuple[Row, ...] = ()
    anomaly: str = ""


def begin(at: datetime | None, received_at: datetime, meter_start_wh: int) -> Session:
    """The session that a start makes."""
    return Session(SessionState.ACTIVE, believable(at, received_at), Meter(Piece(max(0, meter_start_wh))))


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
    rows = []
    for reading in readings:
        session, row = _take(session, reading)
        rows.append(row)
    return Decision(session, tuple(rows))


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
    if meter_stop_wh is not None and meter_stop_wh >= closing.meter.piece.base_wh:
        closing = replace(closing, meter=closing.meter.advanced(meter_stop_wh))
    final = Row(Reading(ended_at, END, meter_stop_wh), closing.meter.energy_wh, is_final=True)
    rows = [row for row in rows if row.reading.sampled_at != ended_at] + [_joined(final, rows)]
    closing = replace(
        closing, state=after, ended_at=ended_at, power_w=None, stop_reason=reason, last_reading_at=ended_at
    )
    return Decision(closing, tuple(rows))


def supersede(session: Session, *, received_at: datetime) -> Decision:
    """Close the session on evidence: its connector began another. Its last reading is the best there is."""
    after = TRANSITIONS.get((session.state, SESSION_SUPERSEDED))
    if after is None:
        return Decision(session, anomaly=f"{SESSION_SUPERSEDED} while {session.state}")
    ended_at = max(min(session.last_reading_at or received_at, received_at), session.started_at)
    return Decision(replace(session, state=after, ended_at=ended_at, power_w=None))


def believable(at: datetime | None, received_at: datetime) -> datetime:
    """The charger's instant, or the time of receipt where its clock cannot be right (FIELD: 1970, 2000, the future)."""
    if at is None or not received_at - LONGEST_OFFLINE <= at <= received_at + FURTHEST_CLOCK:
        return received_at
    return at


def _take(session: Session, reading: Reading) -> tuple[Session, Row]:
    if session.state is not SessionState.ACTIVE or _is_behind(session, reading):
        energy_wh = None if reading.register_wh is None else session.meter.at(reading.register_wh)
        return session, Row(reading, energy_wh)
    meter_ = _metered(session, reading)
    session = Session(  # spelled out: `replace` takes twice as long, and this is done for every reading
        session.state,
        session.started_at,
        meter_,
        session.ended_at,
        session.power_w if reading.power_w is None else reading.power_w,
        session.soc_percent if reading.soc_percent is None else reading.soc_percent,
        max(reading.sampled_at, session.last_reading_at or reading.sampled_at),
        session.stop_reason,
    )
    return session, Row(reading, None if reading.register_wh is None else meter_.energy_wh)


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
    if meter_ == Meter(Piece(0)) and reading.context == BEGIN:
        return Meter(Piece(register_wh))  # the start's own figure was a placeholder
    if meter_.is_reset_by(register_wh) and reading.sampled_at == session.last_reading_at:
        return meter_  # one instant cannot hold a register before and after its reset
    return meter_.advanced(register_wh)


def _joined(final: Row, rows: Iterable[Row]) -> Row:
    """The final row, with what a reading of the same instant says beside it."""
    for row in rows:
        if row.reading.sampled_at == final.reading.sampled_at:
            register_wh = (
                final.reading.register_wh if final.reading.register_wh is not None else row.reading.register_wh
            )
            return replace(final, reading=replace(row.reading, register_wh=register_wh))
    return final
