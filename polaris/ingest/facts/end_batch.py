"""Batch path for ends, of OCPP 1.6 and 2.x: load the sessions, decide and store, each in few statements.

Any unusual end falls back to the single-row path, `session_end.ended` or `transaction_events.reported`: one that is
repeated or late, or whose session is not simply active.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain import data_quality as quality
from polaris.domain import session as lifecycle
from polaris.domain.data_quality import Note
from polaris.domain.enums import SessionState
from polaris.domain.facts import Fact, Report, SessionEnded, SessionReported
from polaris.domain.instants import believable
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import END, Reading
from polaris.domain.notices import Occasion
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Session
from polaris.ingest import driver_notices
from polaris.ingest.facts import card_rows, data_quality, event_store, meter_rows, pricing, replay_cache, session_end
from polaris.ingest.facts.transaction_events import end_of
from polaris.ingest.outcomes import Ended, Started
from polaris.ingest.sanitize import fit, fit_line
from polaris.models import Bulk, ChargingSession, RowQuery
from polaris.models.session import NO_REGISTER, decided_columns, to_domain
from polaris.pubsub import ChangeNotification, session_changed


class _Active(NamedTuple):
    """An active session's columns, as far as its end depends on them."""

    number: int
    charger_id: int
    account_id: int | None
    transaction_id: str | None
    connector: int
    id_tag: str
    meter_start_wh: int
    is_start_inferred: bool
    started_at: datetime
    meter: str
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None
    last_reading_at: datetime | None
    border_wh: str
    next_border_at: datetime | None
    over_at: datetime | None
    last_seq_no: int
    has_more_to_change: bool  # a stop that was requested, or notes on its figures

    # Equal for all active sessions, so they are not loaded.
    state, ended_at, stop_reason = SessionState.ACTIVE, None, ""  # type: ignore[misc]  # class attributes, no columns


class _Closed(NamedTuple):
    """A session after its end; in OCPP 2.x, with the event of it."""

    row: _Active
    fact: SessionEnded
    event: SessionReported | None
    values: Session
    readings: tuple[ReadingRow, ...]
    notes: frozenset[Note]


_ACTIVE = "SELECT {columns} FROM charging_session WHERE state = 'active' AND NOT needs_rebuild AND meter <> ''"
_COLUMNS = {
    "last_seq_no": (
        "COALESCE((SELECT MAX(e.seq_no) FROM transaction_event e WHERE e.charger_id = charging_session.charger_id"
        " AND e.transaction_id = charging_session.transaction_id), -1)"
    ),
    "has_more_to_change": (
        "EXISTS (SELECT 1 FROM stop_request WHERE session_id = charging_session.number)"  # noqa: S608 - names of ours
        " OR EXISTS (SELECT 1 FROM session_note WHERE session_id = charging_session.number"
        f" AND kind IN {tuple(sorted(map(str, quality.OF_FIGURES)))})"
    ),
}
_BY_NUMBER = RowQuery(_Active, ChargingSession, f"{_ACTIVE} AND number IN ({{marks}}) ORDER BY number", **_COLUMNS)
_BY_CHARGER = RowQuery(_Active, ChargingSession, f"{_ACTIVE} AND charger_id IN ({{marks}})", **_COLUMNS)
_UPDATE = Bulk.update(
    ChargingSession,
    "state",
    "ended_at",
    "meter",
    "energy_wh",
    "power_w",
    "soc_percent",
    "last_reading_at",
    "stop_reason",
    "meter_start_wh",
    "end_received_at",
    "last_heard_at",
    also="is_awaiting_end = FALSE, revision = charging_session.revision + 1",
)


def store(notifications: list[ChangeNotification], batch: Sequence[Fact]) -> dict[int, Started | Ended | None]:
    """Store the usual ends of a batch, in the caller's transaction; return their outcomes by charger."""
    closed = _usual(batch)
    if not closed:
        return {}
    meter_rows.store(meter_rows.values(one.row.number, row) for one in closed for row in one.readings)
    cards = card_rows.find_all(one.fact.id_tag for one in closed if one.fact.id_tag is not None)
    outcomes: dict[int, Started | Ended | None] = {}
    noted, events, answered = [], [], []
    for row, fact, event, _, _, notes in closed:
        noted += data_quality.rows(row.number, data_quality.of_figures(row, notes), fact.received_at)
        notifications += session_changed(row.number, row.charger_id, row.account_id)
        answer = Ended(card_rows.authorize_end(fact.id_tag, cards, fact.received_at))
        if event is None:
            outcomes[row.charger_id] = answer
            answered.append((fact, answer))
        else:
            status = answer.authorization
            outcomes[row.charger_id] = None if status is None else Started(row.number, status)
            events.append(event_store.values(event, event.seq_no) | {"authorization": status or ""})
    data_quality.add_all(noted)
    event_store.INSERT.execute(events)
    _UPDATE.execute(map(_columns, closed))
    _note_ends(closed)
    replay_cache.remember(answered)
    return outcomes


def _note_ends(closed: Sequence[_Closed]) -> None:
    """Note for their drivers that these sessions have ended."""
    owned = [one for one in closed if one.row.account_id is not None and one.values.ended_at is not None]
    if owned:
        ended_at = {one.row.number: one.values.ended_at for one in owned if one.values.ended_at is not None}
        driver_notices.note(Occasion.ENDED, ended_at, max(one.fact.received_at for one in owned))


def _usual(batch: Sequence[Fact]) -> list[_Closed]:
    """Return the sessions that the batch ends and for which no stored row but their own has to be changed."""
    sent = [end for fact in batch if (end := _end(fact)) is not None]
    if not sent:
        return []
    repeated = {answer.charger_id for answer in replay_cache.stored([fact for fact, _ in sent])}
    by_number = {
        row.number: row for row in _BY_NUMBER.rows([fact.number for fact, _ in sent if fact.number], is_locking=True)
    }
    of_events = _BY_CHARGER.rows([fact.charger_id for fact, event in sent if event is not None], is_locking=True)
    by_transaction = {(row.charger_id, row.transaction_id): row for row in of_events}
    closed = []
    for fact, event in sent:
        if event is None:
            row = by_number.get(fact.number or 0)
        else:
            row = by_transaction.get((fact.charger_id, fit(event.transaction_id)))
        if row is None or row.charger_id != fact.charger_id or row.has_more_to_change or row.charger_id in repeated:
            continue
        if event is not None and not _is_in_order(event, row):
            continue
        session = _closed(row, fact, event)
        if session is not None:
            closed.append(session)
    return closed


def _end(fact: Fact) -> tuple[SessionEnded, SessionReported | None] | None:
    """Return an end and, in OCPP 2.x, the event that it is made from."""
    if isinstance(fact, SessionEnded):
        return (fact, None) if fact.number is not None and 0 < fact.number <= MAX_INT32 else None
    if not isinstance(fact, SessionReported) or fact.report is not Report.ENDED or not fact.transaction_id:
        return None
    is_plain = fact.remote_start_id is None and not fact.is_offline and fact.seq_no is not None
    return (end_of(fact), fact) if is_plain else None


def _is_in_order(event: SessionReported, row: _Active) -> bool:
    """Whether an event is the session's newest, and has nothing that the session lacks but its end."""
    is_newest = (event.seq_no or 0) > row.last_seq_no and believable(event.at, event.received_at) >= row.started_at
    return is_newest and (event.connector == 0 or row.connector > 0) and (event.id_tag is None or row.id_tag != "")


def _closed(row: _Active, fact: SessionEnded, event: SessionReported | None) -> _Closed | None:
    """Return a session after its end; None if readings that are stored already have to be judged again.

    So they have if nothing is known: a session whose card was refused may have got nothing.
    """
    values, metered = to_domain(row), lifecycle.Decision(to_domain(row))
    dated = lifecycle.dated(fact.readings, fact.received_at, None if row.is_start_inferred else row.started_at)
    ended_at = lifecycle.ended_at(values, fact.at, fact.received_at)
    final, readings = session_end.split(Reading(ended_at, END, fact.meter_stop_wh), dated)
    if readings:
        if row.last_reading_at is not None and readings[0].sampled_at <= row.last_reading_at:
            return None
        metered = lifecycle.meter(values, readings, fact.received_at)
    decision = lifecycle.end(metered.session, final, fact.received_at, fit_line(fact.reason))
    if metered.needs_rebuild or decision.needs_rebuild or decision.session.energy_wh is None:
        return None
    has_risen = row.over_at is not None and decision.session.energy_wh != row.energy_wh
    if has_risen or pricing.needs_split(row, ended_at):
        return None
    notes = metered.notes | decision.notes | quality.of_instant(fact.at, ended_at, fact.received_at)
    notes |= data_quality.of_readings(fact.readings, dated, fact.received_at, row.number)
    return _Closed(row, fact, event, decision.session, metered.rows + decision.rows, notes)


def _columns(one: _Closed) -> dict[str, Any]:
    start_wh = one.values.meter.start_wh
    is_own = one.row.transaction_id is None  # OCPP 2.x: its readings have it
    return decided_columns(one.values) | {
        "number": one.row.number,
        "meter_start_wh": one.row.meter_start_wh if is_own else NO_REGISTER if start_wh is None else start_wh,
        "end_received_at": one.fact.received_at,
        "last_heard_at": one.fact.received_at,
    }
