"""Single-row path for transaction events (OCPP 2.x): each is stored, then applied as a start, readings or an end.

An event that arrives in order is applied to the session as it is. After a late one the session is rebuilt from all its
events, so that the order of arrival does not matter.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from polaris.domain import session as lifecycle
from polaris.domain import usage
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.enums import Authorization, ConnectorStatus, Correction, SessionState
from polaris.domain.facts import Report, SessionEnded, SessionMetered, SessionReported, SessionStarted
from polaris.domain.instants import believable
from polaris.domain.metering import END, Reading
from polaris.ingest.facts import (
    corrections,
    data_quality,
    event_store,
    evidence,
    meter_rows,
    rebuild,
    reused_ids,
    session_cards,
    session_end,
    session_meter,
    session_rows,
    session_start,
    unprocessable,
)
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.facts.event_store import Numbered
from polaris.ingest.outcomes import Limited, Started
from polaris.ingest.requests import limits, promised_starts, set_limits
from polaris.ingest.sanitize import fit, fit_json, fit_line, is_same_json
from polaris.models import ChargingSession
from polaris.models.session import NO_REGISTER
from polaris.pubsub import ChangeNotification


def reported(notifications: list[ChangeNotification], fact: SessionReported, now: datetime) -> Started | Limited | None:
    """Store an event and apply it, once; return the answer about the card, if the event names one."""
    if not fact.transaction_id:
        unprocessable.keep(fact, "names no transaction")
        return None
    fact, session = reused_ids.resolved(fact)
    if session is not None and session.final_at is not None:
        unprocessable.keep(fact, unprocessable.FINAL)
        return _answer(session, fact, None)
    seq_no = fact.seq_no
    known = [] if seq_no is None else event_store.numbered_from(fact.charger_id, fact.transaction_id, seq_no)
    if known and known[0].seq_no == seq_no:
        if is_same_json(known[0].payload, fit_json(fact.raw)):
            return _repeated_answer(session, known[0])
        seq_no = None  # two events with one number: keep both
    applied = _with_card_sent(fact)
    event_store.INSERT.execute([event_store.values(applied, seq_no)])
    session = _apply(notifications, applied, session, now, is_late=seq_no is not None and bool(known))
    return _with_limit(_answer(session, fact, seq_no), session, fact)


def _with_limit(answer: Started | None, session: ChargingSession, fact: SessionReported) -> Started | Limited | None:
    """Return an answer with the limit that the charger has to be told, if there is one."""
    limit = None if fact.report is Report.ENDED else limits.tell(session)
    if limit is None:
        return answer
    return Limited(limit) if answer is None else dataclasses.replace(answer, limit=limit)


def _with_card_sent(fact: SessionReported) -> SessionReported:
    """Return an event that names a start command with the card that was sent with it (E03), unless it names its own.

    A card at the end is the one that ended the session.
    """
    if fact.remote_start_id is None or (fact.id_tag is not None and fact.report is not Report.ENDED):
        return fact
    id_tag = promised_starts.card_sent(fact.charger_id, fact.remote_start_id, fact.transaction_id)
    return replace(fact, id_tag=id_tag) if id_tag else fact


def _apply(
    notifications: list[ChangeNotification],
    fact: SessionReported,
    session: ChargingSession | None,
    now: datetime,
    *,
    is_late: bool,
) -> ChargingSession:
    """Apply an event to its session, or to the one that it opens; return the session with its owner."""
    if session is None:
        session = _open(notifications, fact, now)
    elif not is_late:
        _complete(notifications, session, fact)
        if fact.report is not Report.ENDED:
            at = believable(fact.at, fact.received_at)
            evidence.weigh_event(notifications, session, at, fact.status)
    if fact.remote_start_id is not None:
        promised_starts.fulfil_start(notifications, session, fact.received_at, fact.remote_start_id)
        if session.id_tag == "" and (id_tag := promised_starts.started_with(session.number)):
            change(notifications, session, is_new=True, **_owned(session, fact, id_tag))
            set_limits.begin(session, now)
    if not is_late:
        _show_status(notifications, session, fact)
    if fact.report is Report.ENDED:
        session_end.ended(notifications, end_of(fact), now)
    elif fact.readings:
        session_meter.metered(notifications, _metered(fact), now)
    if is_late:
        late = session_rows.of_number(fact.charger_id, session.number)
        assert late is not None
        before_wh = late.energy_wh
        rebuild.events(notifications, late, now)
        if session.state != SessionState.ACTIVE:  # before this event
            corrections.note(late, Correction.LATE_READINGS, before_wh, fact.received_at)
        session = late
    elif fact.is_offline and fact.report is not Report.ENDED:
        _clear_power(notifications, session)
    if fact.is_offline:
        _note_offline(notifications, session, fact)
    return session


def _open(notifications: list[ChangeNotification], fact: SessionReported, now: datetime) -> ChargingSession:
    """Open the session at its first event to arrive; the event that began it may come later, or be lost."""
    session: ChargingSession = ChargingSession.get_by_id(
        session_start.started(notifications, start_of(fact), now).number
    )
    if fact.report is not Report.STARTED:
        ChargingSession.update(is_start_inferred=True).where(ChargingSession.number == session.number).execute()
        session.is_start_inferred = True
    return session


def start_of(fact: SessionReported) -> SessionStarted:
    """Return the start of the session that an event opens."""
    return SessionStarted(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        connector=fact.connector,
        id_tag=fact.id_tag or "",
        at=fact.at if fact.report is Report.STARTED else _earliest(fact),
        meter_start_wh=NO_REGISTER,
        transaction_id=fact.transaction_id,
    )


def _complete(notifications: list[ChangeNotification], session: ChargingSession, fact: SessionReported) -> None:
    """Add what earlier events lacked: the cable may follow the card, or the card the cable (use cases E01 to E03)."""
    values: dict[str, Any] = {}
    if session.connector == 0 and fact.connector > 0:
        session.connector = fact.connector
        evidence.weigh_start(notifications, session, evidence.open_beside(session), is_dated=True)
        values |= changed_columns(session)
    if session.id_tag == "" and fact.id_tag and (fact.report is not Report.ENDED or session.is_start_inferred):
        values |= _owned(session, fact, fact.id_tag)
    elif session.is_idle_refusal and fact.id_tag and fact.report is not Report.ENDED:
        values |= _owned_by_next(notifications, session, fact, fact.id_tag)
    if fact.report is Report.STARTED and session.is_start_inferred:
        values["is_start_inferred"] = False
    if values:
        change(notifications, session, is_new="account_id" in values, **values)
    if "account_id" in values:
        set_limits.begin(session, fact.received_at)


def _owned_by_next(
    notifications: list[ChangeNotification], session: ChargingSession, fact: SessionReported, id_tag: str
) -> dict[str, Any]:
    """Give a session whose card was refused to the next card that is accepted, before anything has flowed."""
    columns = _owner_columns(fact, id_tag)
    if columns["authorization"] is not Authorization.ACCEPTED:
        return {}
    if session.state == SessionState.ESTIMATED:
        evidence.resume(notifications, session, believable(fact.at, fact.received_at))
    return changed_columns(session) | _owned(session, fact, id_tag)


def _owner_columns(fact: SessionReported, id_tag: str) -> dict[str, Any]:
    at = believable(fact.at, fact.received_at)
    return session_cards.owner_columns(id_tag, fact.charger_id, fact.received_at, at=at)


def _owned(session: ChargingSession, fact: SessionReported, id_tag: str) -> dict[str, Any]:
    """Give a session its owner, shown with an event; return the columns. Its pages are notified with the change."""
    columns = _owner_columns(fact, id_tag)
    for name, value in columns.items():
        setattr(session, name, value)
    return columns


def _show_status(notifications: list[ChangeNotification], session: ChargingSession, fact: SessionReported) -> None:
    """Set the session's charging state. A power that was read in another state is outdated."""
    if session.state != SessionState.ACTIVE or fact.report is Report.ENDED:
        return
    values: dict[str, Any] = {}
    if session.is_awaiting_end:
        at = believable(fact.at, fact.received_at)
        values["is_awaiting_end"] = not evidence.is_outweighed(session, at, fact.received_at)
    if fact.status and fit_line(fact.status) != session.connector_status:
        values["connector_status"] = fit_line(fact.status)
        if fact.report is not Report.STARTED:
            values["over_at"] = _over_at(session, fact)
        if fact.status != ConnectorStatus.CHARGING and session.power_w is not None:
            values["power_w"] = None
    if any(getattr(session, name) != value for name, value in values.items()):
        change(notifications, session, **values)


def _over_at(session: ChargingSession, fact: SessionReported) -> datetime | None:
    """Return since when the car takes no more, after an event in order."""
    at = believable(fact.at, fact.received_at)
    over_at = usage.over_at(fit_line(fact.status), at, session.over_at, previous=session.connector_status)
    is_new = over_at is not None and over_at != session.over_at
    return None if is_new and meter_rows.has_risen(session.number, at) else over_at


def _clear_power(notifications: list[ChangeNotification], session: ChargingSession) -> None:
    """Clear the power after an event from the charger's memory: it is not the present one."""
    present = session_rows.of_number(session.charger_id, session.number)
    if present is not None and present.power_w is not None:
        change(notifications, session, power_w=None)


def _note_offline(notifications: list[ChangeNotification], session: ChargingSession, fact: SessionReported) -> None:
    """Note that the charger has sent an event from its memory, however short it was offline."""
    if Note.REPLAYED_OFFLINE not in data_quality.stored(session.number):
        data_quality.add(session.number, {Note.REPLAYED_OFFLINE}, fact.received_at)
        change(notifications, session)


def _metered(fact: SessionReported) -> SessionMetered:
    return SessionMetered(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        connector=fact.connector,
        number=None,
        transaction_id=fact.transaction_id,
        readings=fact.readings,
    )


def end_of(fact: SessionReported) -> SessionEnded:
    """Return the end that an event reports."""
    return SessionEnded(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        number=None,
        transaction_id=fact.transaction_id,
        at=fact.at,
        meter_stop_wh=_last_register(fact),
        reason=fact.reason,
        id_tag=fact.id_tag,
        readings=fact.readings,
    )


def _last_register(fact: SessionReported) -> int | None:
    """Return the register at the transaction's end, else the event's newest."""
    readings = _with_register(fact)
    at_end = [reading for reading in readings if reading.context == END]
    return (at_end or readings)[-1].register_wh if readings else None


def _with_register(fact: SessionReported) -> list[Reading]:
    dated = lifecycle.dated(fact.readings, fact.received_at)
    return [reading for reading in dated if reading.register_wh is not None]


def _earliest(fact: SessionReported) -> datetime | None:
    return min([reading.sampled_at for reading in fact.readings] + ([fact.at] if fact.at else []), default=None)


def _answer(session: ChargingSession, fact: SessionReported, seq_no: int | None) -> Started | None:
    """Return the answer about the event's card, and store it for a repeated event."""
    if fact.id_tag is None:
        return None
    is_owner = session.id_tag == fit(normal_id_tag(fact.id_tag)) and fact.report is not Report.ENDED
    status = (
        Authorization(session.authorization) if is_owner else session_cards.authorization(fact.id_tag, fact.received_at)
    )
    if seq_no is not None:
        event_store.set_answer(fact.charger_id, fact.transaction_id, seq_no, status)
    return Started(session.number, status)


def _repeated_answer(session: ChargingSession | None, event: Numbered) -> Started | None:
    return Started(session.number, Authorization(event.authorization)) if session and event.authorization else None
