"""The rebuild of a session from all that is stored of it, after something came late or changed what the rest means.

Figures are made out again from the readings; a session of OCPP 2.x, beside that, from its events. The result is what
the same facts would have given in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from polaris.domain import session as lifecycle
from polaris.domain.data_quality import Note
from polaris.domain.enums import ConnectorStatus, SessionState
from polaris.domain.facts import Report
from polaris.domain.session import Session
from polaris.ingest.facts import data_quality, event_store, meter_rows, sessions
from polaris.ingest.facts.chargers import change
from polaris.ingest.requests import commands
from polaris.models import ChargingSession, TransactionEvent
from polaris.models.session import begun
from polaris.pubsub import ChangeNotification


def figures(notifications: list[ChangeNotification], session: ChargingSession, now: datetime) -> None:
    """Make a session's figures out again from its stored readings."""
    set_figures(session, now)
    change(notifications, session, **sessions.changed_columns(session))


def set_figures(session: ChargingSession, now: datetime) -> None:
    """Set the session's columns, its readings' energy and its notes."""
    rows = meter_rows.load(session)
    values = session.values()
    meter = begun(session, values.meter.max_power_w)
    start = Session(SessionState.ACTIVE, session.started_at, meter)
    rebuilt = lifecycle.rebuild(start, [row for _, row in rows], values)
    changed = zip(rows, rebuilt.rows, strict=True)
    meter_rows.judge((id_, after) for (id_, before), after in changed if after != before)
    notes = rebuilt.notes
    session.take(rebuilt.session)
    if session.is_refused and session.state == SessionState.ESTIMATED and session.energy_wh is None:
        session.energy_wh, notes = 0, notes - {Note.NOT_KNOWN}  # the card was refused, and nothing shows a flow
    data_quality.set_of_figures(session, rebuilt.session, notes, now)


def events(notifications: list[ChangeNotification], session: ChargingSession, now: datetime) -> None:
    """Rebuild a session of OCPP 2.x from its events and readings. Its owner is the first card that its events name."""
    stored = _events(session)
    start = next((event for event in stored if event.report == Report.STARTED), None)
    session.is_start_inferred = start is None
    session.started_at = _started_at(session, stored, start)
    session.connector = next((event.connector for event in stored if event.connector > 0), 0)
    session.tariff = sessions.tariff_in_force(session.charger_id, session.started_at)
    end = next((event for event in stored if event.report == Report.ENDED), None)
    if end is not None and session.state == SessionState.COMPLETED:
        session.ended_at = max(end.at, session.started_at)
        session.stop_reason = end.reason
    set_figures(session, now)
    if session.state == SessionState.ACTIVE:
        _set_status(session, stored)
    _set_owner(session, stored)
    changed = sessions.changed_columns(session)
    change(notifications, session, is_new="account" in changed, **changed)


def _events(session: ChargingSession) -> list[TransactionEvent]:
    """Load the session's events in the charger's order; those without a number come last, as they arrived."""
    query = event_store.of_transaction(session.charger_id, session.transaction_id or "")
    return list(query.order_by(TransactionEvent.seq_no.is_null(), TransactionEvent.seq_no, TransactionEvent.id))


def _started_at(
    session: ChargingSession, events: Sequence[TransactionEvent], start: TransactionEvent | None
) -> datetime:
    """Return the instant of the event that began the session or, if it has not come, of the first thing known."""
    if start is not None:
        at: datetime = start.at
        return at
    instants = [event.at for event in events]
    instants += [row.reading.sampled_at for _, row in meter_rows.load(session) if not row.is_final]
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
    """Set the owner to the first card in the events. If there is no start, an end's card will do.

    Without any, it is the card that was sent with the session's start command.
    """
    before_end = [event.id_tag for event in events if event.id_tag and event.report != Report.ENDED]
    at_end = [event.id_tag for event in events if event.id_tag and event.report == Report.ENDED]
    id_tags = before_end or (at_end if session.is_start_inferred else [])
    id_tag = id_tags[0] if id_tags else ""
    id_tag = id_tag or commands.started_with(session.number)
    if id_tag == session.id_tag:
        return
    received_at = max(event.received_at for event in events)
    for name, value in sessions.owner_columns(id_tag, session.charger_id, session.connector, received_at).items():
        setattr(session, name, value)
