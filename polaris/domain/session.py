"""The lifecycle of a charging session: every transition of its state is in this file.

Pure functions of values. A session is ACTIVE until the charger's own end makes it COMPLETED, or until evidence closes
it as ESTIMATED; a late end replaces an estimate by the charger's own figures. Readings change no state. A fact without
a transition from the present state is an anomaly: it is recorded and changes nothing, since chargers skip and repeat
states.

There is one way to make sense of readings, `rebuild`, which takes all that is known of a session. `meter` is its
incremental case, for readings that come in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain import chains, data_quality, energy, reading_rows, totals
from polaris.domain.bound import POWER_SLACK
from polaris.domain.chains import Chain
from polaris.domain.data_quality import Note
from polaris.domain.energy import SWITCHED, Fit, Meter
from polaris.domain.enums import SessionState, SetAside
from polaris.domain.facts import SessionEnded
from polaris.domain.instants import believable, to_microseconds
from polaris.domain.limits import DEFAULT_MAX_POWER_W
from polaris.domain.metering import BEGIN, Reading, in_order, is_unreadable, merged
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.totals import Total

SESSION_ENDED = SessionEnded.name
SESSION_SUPERSEDED = "session.superseded"  # evidence: another session began on the connector
SESSION_CLOSED = "session.closed"  # evidence: an operator closed it
SESSION_REFUSED = "session.refused"  # its card was refused, and nothing has flowed
SESSION_RESUMED = "session.resumed"  # it was closed on evidence, and goes on

TRANSITIONS: dict[tuple[SessionState, str], SessionState] = {
    (SessionState.ACTIVE, SESSION_ENDED): SessionState.COMPLETED,
    (SessionState.ACTIVE, SESSION_SUPERSEDED): SessionState.ESTIMATED,
    (SessionState.ACTIVE, SESSION_CLOSED): SessionState.ESTIMATED,
    (SessionState.ACTIVE, SESSION_REFUSED): SessionState.ESTIMATED,
    (SessionState.ESTIMATED, SESSION_ENDED): SessionState.COMPLETED,
    (SessionState.ESTIMATED, SESSION_RESUMED): SessionState.ACTIVE,
}


class Session(Struct, frozen=True, gc=False):
    """The values that a session's next state depends on. Instants are UTC; `last_reading_at` is the charger's clock."""

    state: SessionState
    started_at: datetime
    meter: Meter
    energy_wh: int | None = 0  # None if it is not known, or its first readings cannot be judged yet
    ended_at: datetime | None = None
    power_w: int | None = None
    soc_percent: int | None = None
    last_reading_at: datetime | None = None
    stop_reason: str = ""


class Decision(Struct, frozen=True, gc=False):
    """The result of a fact: the session after it, the rows to store, and the reason if it changed nothing.

    If it `needs_rebuild`, the rows that are stored already have to be judged again.
    """

    session: Session
    rows: tuple[ReadingRow, ...] = ()
    anomaly: str = ""
    notes: frozenset[Note] = frozenset()
    needs_rebuild: bool = False


class Told(Struct, frozen=True):
    """A session's readings as its meter has taken them, for whoever explains its figures."""

    seen: tuple[tuple[ReadingRow, Fit, int | None], ...]  # each with its fit and the energy by intervals since then
    chains: dict[int, Chain]  # all that there ever were, by id
    shown: Chain | None  # the one that the energy shown while it runs came from
    intervals: tuple[ReadingRow, ...]  # the readings whose intervals count, of all contexts


class Rebuilt(Struct, frozen=True):
    """A session made out from all that is known of it: its readings in order, and the notes on its figures."""

    session: Session
    rows: tuple[ReadingRow, ...]
    notes: frozenset[Note]
    total: Total
    told: Told


def begin(
    at: datetime | None, received_at: datetime, meter_start_wh: int, max_power_w: int = DEFAULT_MAX_POWER_W
) -> Session:
    """Return the session that a start opens. The register at the start is negative if the charger sent none."""
    started_at = believable(at, received_at)
    meter_ = energy.begin(meter_start_wh, to_microseconds(started_at), to_microseconds(received_at), max_power_w)
    return Session(SessionState.ACTIVE, started_at, meter_)


def dated(readings: Iterable[Reading], received_at: datetime, started_at: datetime | None = None) -> list[Reading]:
    """Return readings as `meter` takes them: at believable instants, in time order.

    `started_at` is the start of the session that they name, None if they name none or its start may still come.
    """
    readings = [_believably(reading, received_at, started_at) for reading in readings]
    return readings if len(readings) < 2 else merged(readings)


def _believably(reading: Reading, received_at: datetime, started_at: datetime | None) -> Reading:
    at = believable(reading.sampled_at, received_at, started_at)
    return reading if at is reading.sampled_at else replace(reading, sampled_at=at)


def meter(
    session: Session, readings: Sequence[Reading], received_at: datetime, *, is_inferred: bool = False
) -> Decision:
    """Apply `dated` readings to an active session, none of which is older than its newest."""
    meter_, rows, needs_rebuild = session.meter, [], False
    power_w, soc_percent, max_power_w = session.power_w, session.soc_percent, POWER_SLACK * meter_.max_power_w
    notes = data_quality.of_gaps(session.last_reading_at, [reading.sampled_at for reading in readings])
    for reading in readings:
        meter_, fit = meter_.add(reading_rows.observation(reading, received_at, is_inferred))
        needs_rebuild = needs_rebuild or fit is SWITCHED
        rows.append(reading_rows.row(reading, received_at, meter_, fit, is_inferred))
        if reading.power_w is not None:
            power_w = reading.power_w if reading.power_w <= max_power_w else None
        elif reading.register_wh is None and is_unreadable(reading):
            notes |= {Note.UNREADABLE}
        soc_percent = soc_percent if reading.soc_percent is None else reading.soc_percent
    has_unreadable = session.energy_wh is None or (bool(notes) and Note.UNREADABLE in notes)
    energy_wh = _live_wh(meter_, has_unreadable=has_unreadable)
    needs_rebuild = needs_rebuild or (energy_wh is None) != (session.energy_wh is None)  # the notes say why
    after = Session(
        session.state,
        session.started_at,
        meter_,
        energy_wh,
        session.ended_at,
        power_w,
        soc_percent,
        readings[-1].sampled_at if readings else session.last_reading_at,
        session.stop_reason,
    )
    return Decision(after, tuple(rows), notes=notes, needs_rebuild=needs_rebuild)


def _live_wh(meter_: Meter, *, has_unreadable: bool) -> int | None:
    """Return the energy to show, or None if energy must have flowed of which no figure tells."""
    shown_wh = 0 if meter_.shown_wh is None and _is_still(meter_) else meter_.shown_wh
    if shown_wh is None or meter_.lacks(shown_wh) or meter_.is_outpaced or meter_.is_shown_contradicted:
        return None
    is_unread = has_unreadable and not meter_.intervals and meter_.figures <= (meter_.start_wh is not None)
    return None if is_unread and shown_wh == 0 else shown_wh


def _is_still(meter_: Meter) -> bool:
    """Whether all chains of registers say the same: that the register stands where it did at the start."""
    return all((chain.last_wh, chain.energy_wh) == (meter_.start_wh, 0) for chain in meter_.chains)


def ended_at(session: Session, at: datetime | None, received_at: datetime) -> datetime:
    """Return the instant of an end, which is never before the start."""
    return max(believable(at, received_at, session.started_at), session.started_at)


def end(session: Session, final: Reading, received_at: datetime, reason: str) -> Decision:
    """Close the session with the charger's own figures, once. They replace an estimate. The row is the final one."""
    after = TRANSITIONS.get((session.state, SESSION_ENDED))
    if after is None:
        return Decision(session, anomaly=f"{SESSION_ENDED} while {session.state}")
    at, row = final.sampled_at, ReadingRow(final, received_at, is_final=True)
    ended = replace(
        session,
        state=after,
        ended_at=at,
        power_w=None,
        soc_percent=session.soc_percent if final.soc_percent is None else final.soc_percent,
        stop_reason=reason,
        last_reading_at=at,
    )
    best, total = session.meter.best, _total(session.meter, ended, row)
    is_outrun = session.last_reading_at is not None and session.last_reading_at > at  # what came later counts no more
    return Decision(
        replace(ended, energy_wh=total.energy_wh),
        (reading_rows.judged_final(row, total),),
        notes=total.notes,
        needs_rebuild=is_outrun
        or (best is not None and best.is_held)  # the end may have confirmed its last rise
        or _counted_chain(session.meter, total) is not best,
    )


def supersede(session: Session, *, received_at: datetime) -> Decision:
    """Close the session at its last reading, as an estimate: another session began on its connector."""
    return _estimate(session, SESSION_SUPERSEDED, received_at)


def close(session: Session, *, now: datetime) -> Decision:
    """Close the session at its last reading, as an estimate, for an operator who has seen the evidence."""
    decision = _estimate(session, SESSION_CLOSED, now)
    return decision if decision.anomaly else replace(decision, notes=decision.notes | {Note.CLOSED_BY_OPERATOR})


def _estimate(session: Session, event: str, received_at: datetime) -> Decision:
    after = TRANSITIONS.get((session.state, event))
    if after is None:
        return Decision(session, anomaly=f"{event} while {session.state}")
    ended_at = max(min(session.last_reading_at or received_at, received_at), session.started_at)
    total = totals.close(session.meter, None, to_microseconds(ended_at), to_microseconds(received_at))
    estimated = replace(session, state=after, energy_wh=total.energy_wh, ended_at=ended_at, power_w=None)
    return Decision(estimated, notes=total.notes - {Note.FINAL_MISSING})


def rebuild(begun: Session, rows: Sequence[ReadingRow], now: Session) -> Rebuilt:
    """Make a session out again from its start, `begun`, its stored readings in order, and its present state, `now`.

    After the end, the final reading's register is the one at the end. An estimate ends at its last reading. Of several
    ends, the first that was received counts, unless its register does not and that of a later one does.
    """
    finals = sorted((row for row in rows if row.is_final), key=attrgetter("received_at"))
    if len(finals) < 2:
        return _rebuilt(begun, rows, now, finals[0] if finals else None)
    made = (_rebuilt(begun, rows, replace(now, ended_at=row.reading.sampled_at), row) for row in finals)
    first = next(made)
    if is_settled(first.total):
        return first
    later = next((one for one in made if is_settled(one.total)), None)
    return first if later is None else replace(later, notes=later.notes | {Note.FINAL_DOUBTED})


def is_settled(total: Total) -> bool:
    """Whether an end stands: its register counts, and is not merely that of the start, which a later one may follow."""
    return total.uses_end and bool(total.energy_wh)


def _rebuilt(begun: Session, rows: Sequence[ReadingRow], now: Session, final: ReadingRow | None) -> Rebuilt:
    """Make a session out again by one of its ends, or without any."""
    is_active = now.state is SessionState.ACTIVE
    counting, outrun, finals = _parted(rows, now)
    last_at = max((part[-1].reading.sampled_at for part in (counting, outrun) if part), default=None)
    if counting and counting[0].reading.sampled_at < begun.started_at:  # the register at the start still comes first
        counting.sort(key=lambda row: in_order(row.reading, begun.started_at))
    readings = [row.reading for row in counting]
    meter_, told = _told(begun.meter, counting)
    total = _total(meter_, now, final)
    path = chains.path(_counted_chain(meter_, total), told.chains)
    counted = {chain.id: chain for chain in chains.confirmed(path, None if is_active else total.energy_wh)}
    judged = [
        reading_rows.judged(row, fit, counted.get(number), interval_wh, meter_.max_power_w)
        for number, (row, fit, interval_wh) in enumerate(told.seen, start=begun.meter.count + 1)
    ]
    judged += [reading_rows.judged_outrun(row, total) for row in outrun]
    judged += [
        reading_rows.judged_final(row, total) if row is final else reading_rows.judged_other_final(row)
        for row in finals
    ]
    pairs = zip([*counting, *outrun, *finals], judged, strict=True)
    changed = {id(row): after for row, after in pairs if after is not row}
    rebuilt_rows = tuple([changed.get(id(row), row) for row in rows])
    notes = total.notes | data_quality.of_gaps(None, [reading.sampled_at for reading in readings])
    if SetAside.UNREADABLE in {row.set_aside for row in rebuilt_rows}:
        notes |= {Note.UNREADABLE}
    powers = (reading.power_w for reading in reversed(readings) if reading.power_w is not None)
    socs = (row.reading.soc_percent for row in reversed(rows) if row.reading.soc_percent is not None)
    power_w = next(powers, None) if is_active else None
    if power_w is not None and power_w > POWER_SLACK * meter_.max_power_w:
        power_w = None
    energy_wh = _live_wh(meter_, has_unreadable=Note.UNREADABLE in notes) if is_active else total.energy_wh
    ended_at = now.ended_at
    if now.state is SessionState.ESTIMATED and last_at is not None:
        ended_at = max(last_at, now.started_at)
    session = replace(
        now,
        meter=meter_,
        energy_wh=energy_wh,
        ended_at=ended_at,
        power_w=power_w,
        soc_percent=next(socs, None),
        last_reading_at=ended_at if now.state is SessionState.COMPLETED else last_at,
    )
    return Rebuilt(session, rebuilt_rows, notes, total, told)


def _parted(rows: Iterable[ReadingRow], now: Session) -> tuple[list[ReadingRow], list[ReadingRow], list[ReadingRow]]:
    """Return the readings that count, those later than the charger's end, which do not, and the final ones."""
    ended_at = now.ended_at if now.state is SessionState.COMPLETED else None  # the begin may be dated after it
    counting, outrun, finals = [], [], []
    for row in rows:
        if row.is_final:
            finals.append(row)
        elif ended_at is not None and row.reading.sampled_at > ended_at and row.reading.context != BEGIN:
            outrun.append(row)
        else:
            counting.append(row)
    return counting, outrun, finals


def _told(meter_: Meter, rows: Iterable[ReadingRow]) -> tuple[Meter, Told]:
    """Return a meter after readings, and how it took them."""
    seen, chains, shown, intervals = [], {chain.id: chain for chain in meter_.chains}, meter_.best, []
    for row in rows:
        before = meter_
        meter_, fit = meter_.add(reading_rows.observation(row.reading, row.received_at, row.is_inferred))
        for chain in meter_.chains:
            chains[chain.id] = chain
        if meter_.shown_wh != before.shown_wh:
            shown = meter_.best
        if meter_.intervals is not before.intervals:
            intervals.append(row)
        seen.append((row, fit, meter_.interval_wh if meter_.intervals else None))
    return meter_, Told(tuple(seen), chains, shown, tuple(intervals))


def _total(meter_: Meter, now: Session, final: ReadingRow | None) -> Total:
    if now.state is SessionState.ACTIVE:
        return totals.live(meter_)
    ended_us = to_microseconds(now.ended_at or now.started_at)
    register_wh = final.reading.register_wh if final is not None else None
    total = totals.close(meter_, register_wh, ended_us, to_microseconds(final.received_at) if final else ended_us)
    return total if final is not None else replace(total, notes=total.notes - {Note.FINAL_MISSING})


def _counted_chain(meter_: Meter, total: Total) -> Chain | None:
    """Return the chain whose readings count: the best, or the total's if the best has none or is wrong."""
    best = meter_.best
    if best is None or total.chain is None:
        return best
    is_right = Note.UNIT_DOUBTFUL not in total.notes and best.agrees(total.energy_wh or 0)
    return best if best.rises > 0 and is_right else total.chain


def refuse(session: Session) -> Decision:
    """Close the session of a refused card, with which nothing has flowed, at its start."""
    decision = _estimate(session, SESSION_REFUSED, session.started_at)
    return decision if decision.anomaly else Decision(replace(decision.session, energy_wh=0))


def resume(session: Session, power_w: int | None) -> Decision:
    """Open a session again that was closed on evidence; the charger's own end cannot be undone (OCPP 1.6 §4.10)."""
    after = TRANSITIONS.get((session.state, SESSION_RESUMED))
    if after is None:
        return Decision(session, anomaly=f"{SESSION_RESUMED} while {session.state}")
    energy_wh = totals.live(session.meter).energy_wh
    return Decision(replace(session, state=after, energy_wh=energy_wh, ended_at=None, power_w=power_w))
