"""Facts about sessions that come as numbered events (OCPP 2.x): each is kept, then taken as a start, readings, an end.

An event that comes in its turn is taken as it is. One that comes late is kept too, and the session is told again from
all that is known of it: so the order in which events arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from polaris.domain import session
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.enums import Authorization, ConnectorStatus, SessionState
from polaris.domain.facts import Report, SessionEnded, SessionMetered, SessionReported, SessionStarted
from polaris.domain.metering import END, Reading
from polaris.ingest.facts import data_quality, event_store, rebuild, sessions
from polaris.ingest.facts.chargers import change
from polaris.ingest.outcomes import Started
from polaris.ingest.requests import commands
from polaris.ingest.sanitize import fit, fit_json, same_json
from polaris.models import ChargingSession, MeterReading, SessionNote, TransactionEvent
from polaris.pubsub import ChangeNotification


def reported(notifications: list[ChangeNotification], fact: SessionReported, now: datetime) -> Started | None:
    """Keep an event and take it, once; return what the charger is told of the card, where the event names one."""
    if not fact.transaction_id:
        sessions.stray(fact, "names no transaction")
        return None
    seq_no, known = fact.seq_no, _same_number(fact)
    if known is not None:
        if same_json(known.payload, fit_json(fact.raw)):
            return _answer_again(known)
        seq_no = None  # two events of one number: neither is dropped
    event_store.store([event_store.values(fact, seq_no)])
    mine = event_store.of_transaction(fact.charger_id, fact.transaction_id)
    is_late = seq_no is not None and mine.where(TransactionEvent.seq_no > seq_no).exists()
    _take(notifications, fact, now, is_late=is_late)
    return _answer(fact, seq_no)


def _same_number(fact: SessionReported) -> TransactionEvent | None:
    if fact.seq_no is None:
        return None
    mine = event_store.of_transaction(fact.charger_id, fact.transaction_id)
    known: TransactionEvent | None = mine.where(TransactionEvent.seq_no == fact.seq_no).first()
    return known


def _take(notifications: list[ChangeNotification], fact: SessionReported, now: datetime, *, is_late: bool) -> None:
    found = sessions.of_transaction(fact.charger_id, fact.transaction_id)
    if found is None:
        found = _open(notifications, fact, now)
    elif not is_late:
        _complete(notifications, found, fact)
    if fact.remote_start_id is not None:
        commands.fulfil_start(notifications, found, fact.received_at, fact.remote_start_id)
    if not is_late:
        _show_status(notifications, found, fact)
    if fact.report is Report.ENDED:
        sessions.ended(notifications, _end(fact), now)
    elif fact.readings:
        sessions.metered(notifications, _metered(fact), now)
    if is_late:
        rebuild.retell(notifications, ChargingSession.get_by_id(found.number))
    elif fact.is_offline and fact.report is not Report.ENDED:
        _forget_power(notifications, found.number)
    if fact.is_offline:
        _note_offline(notifications, found, fact)


def _open(notifications: list[ChangeNotification], fact: SessionReported, now: datetime) -> ChargingSession:
    """Make the session, from whichever event comes first; its start may still come, or be lost."""
    is_start = fact.report is Report.STARTED
    registers = [r.register_wh for r in session.dated(fact.readings, fact.received_at) if r.register_wh is not None]
    began_at = fact.at if is_start else _earliest(fact)
    start = SessionStarted(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        connector=fact.connector,
        id_tag=fact.id_tag or "",
        at=began_at,
        meter_start_wh=registers[0] if registers else 0,
        transaction_id=fact.transaction_id,
    )
    found: ChargingSession = ChargingSession.get_by_id(sessions.started(notifications, start, now).number)
    if not is_start:
        ChargingSession.update(is_start_inferred=True).where(ChargingSession.number == found.number).execute()
        found.is_start_inferred = True
    return found


def _complete(notifications: list[ChangeNotification], found: ChargingSession, fact: SessionReported) -> None:
    """Add what the first events left out: the cable may come after the card, or the card after the cable (E01-E03)."""
    values: dict[str, Any] = {}
    if found.connector == 0 and fact.connector > 0:
        values["connector"] = fact.connector
    if found.id_tag == "" and fact.id_tag and (fact.report is not Report.ENDED or found.is_start_inferred):
        values |= sessions.owner(fact.id_tag)
    if (register_wh := _base(found, fact)) is not None:
        values |= {"meter_start_wh": register_wh, "base_wh": register_wh}
    if fact.report is Report.STARTED and found.is_start_inferred:
        values["is_start_inferred"] = False
    if values:
        change(notifications, found, **values)


def _base(found: ChargingSession, fact: SessionReported) -> int | None:
    """The register that the session began at, where this event is the first that says any."""
    if (found.base_wh, found.before_wh, found.energy_wh) != (0, 0, 0):
        return None
    registers = [r.register_wh for r in session.dated(fact.readings, fact.received_at) if r.register_wh is not None]
    said = MeterReading.select().where(MeterReading.session == found, MeterReading.register_wh.is_null(False))
    return registers[0] if registers and registers[0] > 0 and not said.exists() else None


def _show_status(notifications: list[ChangeNotification], found: ChargingSession, fact: SessionReported) -> None:
    """Show whether it charges. A power that was read before another state is not that of now."""
    if found.state != SessionState.ACTIVE or fact.report is Report.ENDED:
        return
    values: dict[str, Any] = {"is_awaiting_end": False} if found.is_awaiting_end else {}
    if fact.status and fit(fact.status) != found.connector_status:
        values["connector_status"] = fit(fact.status)
        if fact.status != ConnectorStatus.CHARGING and found.power_w is not None:
            values["power_w"] = None
    if values:
        change(notifications, found, **values)


def _forget_power(notifications: list[ChangeNotification], number: int) -> None:
    """What a charger sends from its memory is history: its power is not that of now."""
    found: ChargingSession = ChargingSession.get_by_id(number)
    if found.power_w is not None:
        change(notifications, found, power_w=None)


def _note_offline(notifications: list[ChangeNotification], found: ChargingSession, fact: SessionReported) -> None:
    """The charger says itself that it sent this from its memory, however short it was away."""
    is_noted = (SessionNote.session == found) & (SessionNote.kind == Note.REPLAYED_OFFLINE)
    if not SessionNote.select().where(is_noted).exists():
        data_quality.add(found.number, {Note.REPLAYED_OFFLINE}, fact.received_at)
        change(notifications, found)


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


def _end(fact: SessionReported) -> SessionEnded:
    return SessionEnded(
        charger_id=fact.charger_id,
        received_at=fact.received_at,
        raw=fact.raw,
        number=None,
        transaction_id=fact.transaction_id,
        at=fact.at,
        meter_stop_wh=_last_register(session.dated(fact.readings, fact.received_at)),
        reason=fact.reason,
        id_tag=fact.id_tag,
        readings=fact.readings,
    )


def _last_register(readings: Iterable[Reading]) -> int | None:
    """The transaction's own end, else the newest that the event says."""
    said = [reading for reading in readings if reading.register_wh is not None]
    own = [reading for reading in said if reading.context == END]
    return (own or said)[-1].register_wh if said else None


def _earliest(fact: SessionReported) -> datetime | None:
    return min([reading.sampled_at for reading in fact.readings] + ([fact.at] if fact.at else []), default=None)


def _answer(fact: SessionReported, seq_no: int | None) -> Started | None:
    """What the charger is told of the event's card; kept, since a repeated event gets it again."""
    found = sessions.of_transaction(fact.charger_id, fact.transaction_id)
    if fact.id_tag is None or found is None:
        return None
    is_owner = found.id_tag == fit(normal_id_tag(fact.id_tag)) and fact.report is not Report.ENDED
    status = Authorization(found.authorization) if is_owner else sessions.authorization(fact.id_tag)
    if seq_no is not None:
        TransactionEvent.update(authorization=status).where(
            TransactionEvent.charger == fact.charger_id,
            TransactionEvent.transaction_id == fit(fact.transaction_id),
            TransactionEvent.seq_no == seq_no,
        ).execute()
    return Started(found.number, status)


def _answer_again(known: TransactionEvent) -> Started | None:
    found = sessions.of_transaction(known.charger_id, known.transaction_id)
    return Started(found.number, Authorization(known.authorization)) if found and known.authorization else None
