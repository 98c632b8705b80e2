"""The rebuild of a session from all that is stored of it, after something came late or changed what the rest means.

Figures are made out again from the readings; a session of OCPP 2.x, beside that, from its events. The result is what
the same facts would have given in order.

A short session is rebuilt with the fact that calls for it. That of a long one is put off: it is made out beside the
writer, from one snapshot, and stored if nothing has come meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from polaris.domain import session as lifecycle
from polaris.domain.data_quality import OF_READINGS, Note
from polaris.domain.enums import Authorization, ConnectorStatus, Correction, SessionState
from polaris.domain.facts import Report
from polaris.domain.metering import is_unreadable
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Session
from polaris.ingest.facts import (
    corrections,
    data_quality,
    event_store,
    evidence,
    meter_rows,
    pricing,
    session_cards,
)
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.facts.pricing import Split
from polaris.ingest.requests import limits, promised_starts
from polaris.models import ChargingSession, MeterReading, TransactionEvent, locked
from polaris.models.session import begun, decided_columns
from polaris.pubsub import ChangeNotification

MAX_AT_ONCE = 500  # readings; a longer session is rebuilt apart, or it would hold up the facts of all other chargers
MAX_OUTDATED = 100  # sessions to rebuild apart at a time


class Figures(NamedTuple):
    """A session made out from its stored readings, those of them whose judgement changes, and its notes."""

    values: Session
    judged: tuple[tuple[int, ReadingRow], ...]
    notes: frozenset[Note]
    split: Split = Split()

    def columns(self) -> dict[str, Any]:
        """Return the session's columns, by name."""
        return decided_columns(self.values) | self.split.columns()

    def take(self, session: ChargingSession) -> None:
        """Set the session's columns, for the caller to store."""
        session.take(self.values)
        for column, value in self.split.columns().items():
            setattr(session, column, value)


class Rebuilt(NamedTuple):
    """A session with its columns set, for `store_rebuilt`, and its energy before."""

    session: ChargingSession
    figures: Figures
    before_wh: int | None


def is_put_off(session: ChargingSession) -> bool:
    """Whether a session is too long to be rebuilt with a fact; then note that it has to be."""
    session.needs_rebuild = session.needs_rebuild or session.values().meter.count > MAX_AT_ONCE
    return session.needs_rebuild


def figures(session: ChargingSession, now: datetime) -> None:
    """Make out again the session's columns, its readings' energy and its notes; the caller stores the columns."""
    store(session, rebuilt(session, session.values().meter.max_power_w), now)


def events(notifications: list[ChangeNotification], session: ChargingSession, now: datetime) -> None:
    """Rebuild a session of OCPP 2.x from its events and readings, unless that is put off, and store it."""
    if not is_put_off(session):
        _store(session.number, _set_from_events(session), now)
    _change(notifications, session)
    limits.weigh(notifications, session, now, session.last_reading_at)


def rebuilt(
    session: ChargingSession,
    max_power_w: int,
    rows: Mapping[int, ReadingRow] | None = None,
    over: Sequence[datetime] | None = None,
) -> Figures:
    """Make a session's figures out from its stored readings, or from these of them, and store nothing.

    `over` are the instants at which its charging was called over (`pricing.split`), if its events tell of several.
    """
    if over is None:
        over = [] if session.over_at is None else [session.over_at]
    rows = meter_rows.load(session) if rows is None else rows
    start = Session(SessionState.ACTIVE, session.started_at, begun(session, max_power_w))
    found = lifecycle.rebuild(start, list(rows.values()), session.values())
    pairs = zip(rows.items(), found.rows, strict=True)
    judged = tuple((id_, after) for (id_, before), after in pairs if after is not before)
    values, notes = found.session, found.notes | data_quality.of_inferred(_until_end(found))
    if values.energy_wh is None and _has_not_flowed(session, found):
        values, notes = replace(values, energy_wh=0), notes - {Note.NOT_KNOWN}
    split = pricing.split(session, values, found.rows, over)
    return Figures(values, judged, data_quality.of_figures(session, notes), split)


def _until_end(found: lifecycle.Rebuilt) -> list[ReadingRow]:
    """Return the readings that may count: those after the charger's end do not."""
    ended_at = found.session.ended_at
    return [row for row in found.rows if ended_at is None or row.reading.sampled_at <= ended_at]


def _has_not_flowed(session: ChargingSession, found: lifecycle.Rebuilt) -> bool:
    """Whether a session of which nothing is known got nothing: its card was refused, or its register stood still.

    If the charger has ended it, nothing that it sent may say otherwise.
    """
    if found.session.state is SessionState.ESTIMATED:
        return session.is_refused or (session.last_reading_at is None and evidence.has_stood_still(session))
    is_ended = found.session.state is SessionState.COMPLETED
    return is_ended and session.is_refused and _is_motionless(found.rows) and not _has_charged(session)


def _has_charged(session: ChargingSession) -> bool:
    """Whether a session's charger has called it charging."""
    if session.transaction_id is None:
        return session.connector_status == ConnectorStatus.CHARGING
    events = event_store.of_transaction(session.charger_id, session.transaction_id)
    return bool(events.where(TransactionEvent.status == ConnectorStatus.CHARGING).exists())


def _is_motionless(rows: Sequence[ReadingRow]) -> bool:
    """Whether readings show no energy that flowed, nor power, nor two figures of the register."""
    readings = [row.reading for row in rows]
    registers = {reading.register_wh for reading in readings} - {None}
    is_still = len(registers) <= 1 and not any(reading.interval_wh or reading.power_w for reading in readings)
    return is_still and not any(map(is_unreadable, readings))


def store(session: ChargingSession, figures: Figures, now: datetime) -> None:
    """Store the readings' energy and the notes; set the session's columns, for the caller to store."""
    _store(session.number, figures, now)
    figures.take(session)
    if session.transaction_id is None:  # in OCPP 2.x, its events have more to tell than its readings
        session.needs_rebuild = False


def outdated() -> list[int]:
    """Return the numbers of sessions whose rebuild was put off."""
    query = ChargingSession.select(ChargingSession.number).where(ChargingSession.needs_rebuild)
    return [row.number for row in query.order_by(ChargingSession.number).limit(MAX_OUTDATED)]


def rebuild(number: int) -> Rebuilt:
    """Make a session out again, and store nothing."""
    session = ChargingSession.get_by_id(number)
    before_wh = session.energy_wh
    if session.transaction_id is not None:
        return Rebuilt(session, _set_from_events(session), before_wh)
    found = rebuilt(session, session.values().meter.max_power_w)
    found.take(session)
    return Rebuilt(session, found, before_wh)


def is_unchanged(session: ChargingSession) -> bool:
    """Lock a session's row; return whether it is still as it was loaded."""
    same = (ChargingSession.number == session.number) & (ChargingSession.revision == session.revision)
    return locked(ChargingSession.select(ChargingSession.number).where(same)).first() is not None


def store_rebuilt(notifications: list[ChangeNotification], made: Rebuilt, now: datetime) -> bool:
    """Store a session that was made out again; return False if it has changed since it was loaded."""
    session = made.session
    if not is_unchanged(session):
        return False
    _store(session.number, made.figures, now)
    session.needs_rebuild = False
    if session.state != SessionState.ACTIVE:
        corrections.note(session, Correction.LATE_READINGS, made.before_wh, now)
    _change(notifications, session)
    limits.weigh(notifications, session, now, session.last_reading_at)
    return True


def _store(number: int, figures: Figures, now: datetime) -> None:
    meter_rows.judge(figures.judged)
    data_quality.replace(number, OF_READINGS, figures.notes, now)


def _change(notifications: list[ChangeNotification], session: ChargingSession) -> None:
    changed = changed_columns(session)
    change(notifications, session, is_new="account" in changed, **changed)


def _set_from_events(session: ChargingSession) -> Figures:
    """Set the columns of a session of OCPP 2.x. Its owner is the first card that its events name."""
    stored = event_store.in_order(session)
    start = next((event for event in stored if event.report == Report.STARTED), None)
    session.is_start_inferred = start is None
    if start is not None:
        session.start_received_at = start.received_at
    session.started_at = _started_at(session, stored, start)
    session.connector = next((event.connector for event in stored if event.connector > 0), 0)
    session.tariff = pricing.tariff_in_force(session.site_id, session.started_at)
    end = next((event for event in stored if event.report == Report.ENDED), None)
    if end is not None and session.state == SessionState.COMPLETED:
        session.ended_at = lifecycle.ended_at(session.values(), end.at, end.received_at)
        session.stop_reason = end.reason
    _set_owner(session, stored)
    found = rebuilt(session, session.values().meter.max_power_w, over=pricing.over_since(stored))
    found.take(session)
    if session.state == SessionState.ACTIVE:
        _set_status(session, stored)
    return found


def _started_at(
    session: ChargingSession, events: Sequence[TransactionEvent], start: TransactionEvent | None
) -> datetime:
    """Return the instant of the event that began the session or, if it has not come, of the first thing known."""
    if start is not None:
        at: datetime = start.at
        return at
    instants = [event.at for event in events]
    of_session = (MeterReading.session == session) & ~MeterReading.is_final
    first = MeterReading.select(MeterReading.sampled_at).where(of_session).order_by(MeterReading.sampled_at).first()
    instants += [] if first is None else [first.sampled_at]
    earliest: datetime = min(instants, default=session.started_at)
    return earliest


def _set_status(session: ChargingSession, events: Sequence[TransactionEvent]) -> None:
    """Set the newest state. A power read before another state, or sent from the charger's memory, is outdated."""
    with_status = [event for event in events if event.status]
    if with_status:
        newest = with_status[-1]
        session.connector_status = newest.status
        is_newer = session.last_reading_at is None or newest.at > session.last_reading_at
        session.power_w = None if is_newer and newest.status != ConnectorStatus.CHARGING else session.power_w
    session.power_w = None if events[-1].is_offline else session.power_w


def _set_owner(session: ChargingSession, events: Sequence[TransactionEvent]) -> None:
    """Set the owner to the first card in the events that was not refused. If there is no start, an end's card will do.

    Without any, it is the card that was sent with the session's start command.
    """
    cards = [event for event in events if event.id_tag and event.report != Report.ENDED]
    before_end = [event.id_tag for event in cards if event.authorization in (None, "", Authorization.ACCEPTED)]
    before_end = before_end or [event.id_tag for event in cards]
    at_end = [event.id_tag for event in events if event.id_tag and event.report == Report.ENDED]
    id_tags = before_end or (at_end if session.is_start_inferred else [])
    id_tag = id_tags[0] if id_tags else ""
    id_tag = id_tag or promised_starts.started_with(session.number)
    if id_tag == session.id_tag:
        return
    received_at = max(event.received_at for event in events)
    at = next((event.at for event in events if event.id_tag == id_tag), session.started_at)
    for name, value in session_cards.owner_columns(id_tag, session.charger_id, received_at, at=at).items():
        setattr(session, name, value)
