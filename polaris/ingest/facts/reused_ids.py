"""Transaction ids (OCPP 2.x) that a charger uses again, which some do after a boot: each use is a session of its own.

The newest session of an id has it as its `transaction_id`. An earlier one, and its events, get an id of ours instead.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import SessionState
from polaris.domain.facts import Report, SessionReported
from polaris.domain.instants import believable
from polaris.ingest.facts import event_store, session_rows
from polaris.ingest.sanitize import fit, fit_json, is_same_json
from polaris.models import ChargingSession, ModelQuery, TransactionEvent

_FORMER = ModelQuery(
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE former_transaction_id IS NOT NULL"
    " AND (charger_id, former_transaction_id) IN (VALUES {marks}) ORDER BY started_at",
)


def resolved(fact: SessionReported) -> tuple[SessionReported, ChargingSession | None]:
    """Return an event with the id of its session, which by its time may be of an earlier use, and that session, locked.

    The session is None if the event opens one.
    """
    newest = session_rows.of_transaction(fact.charger_id, fact.transaction_id)
    if newest is None:
        return fact, None
    at = believable(fact.at, fact.received_at)
    if at >= newest.started_at:
        if _begins_another(fact, newest, at):
            _rename(newest)
            return fact, None
        return fact, newest
    former = _FORMER.rows([(fact.charger_id, fit(fact.transaction_id))], is_locking=True)
    before = [session for session in former if session.started_at <= at]
    owner = next(iter(before[-1:] or former[:1]), None)
    if owner is None or (newest.is_start_inferred and owner.ended_at is not None and at > owner.ended_at):
        return fact, newest
    return replace(fact, transaction_id=owner.transaction_id), owner


def _begins_another(fact: SessionReported, session: ChargingSession, at: datetime) -> bool:
    """Whether an event cannot be the session's: it comes after its end, and begins or has another event's number.

    Without an end the session must at least be in doubt, or have another card or connector, since some chargers date an
    event anew when they repeat it. Of a final session the events may be deleted, so only its end tells.
    """
    if session.final_at is not None and session.ended_at is not None:
        return bool(at > session.ended_at)
    has_ended = session.state == SessionState.COMPLETED
    is_at_end = has_ended and at == session.ended_at and fact.report is Report.STARTED  # a stuck clock
    if has_ended and at <= session.ended_at and not is_at_end:
        return False
    if fact.report is not Report.STARTED:
        return has_ended and at == fact.at and _has_another_with_number(fact)
    if session.is_start_inferred and at != fact.at:
        return False  # it may be the one that is missing
    if has_ended:
        return True
    events = event_store.of_transaction(fact.charger_id, fact.transaction_id)
    is_in_doubt = session.is_awaiting_end or session.state == SessionState.ESTIMATED or _is_elsewhere(fact, session)
    is_second = events.where(TransactionEvent.report == Report.STARTED).exists()
    return is_in_doubt and is_second and not events.where(TransactionEvent.at >= at).exists()


def _has_another_with_number(fact: SessionReported) -> bool:
    """Whether another event is stored with this one's number."""
    if fact.seq_no is None:
        return False
    known = event_store.numbered_from(fact.charger_id, fact.transaction_id, fact.seq_no)[:1]
    return any(e.seq_no == fact.seq_no and not is_same_json(e.payload, fit_json(fact.raw)) for e in known)


def _is_elsewhere(fact: SessionReported, session: ChargingSession) -> bool:
    """Whether a start names another card or another connector than the session's."""
    is_other_card = fact.id_tag and session.id_tag and fit(normal_id_tag(fact.id_tag)) != session.id_tag
    is_other_place = fact.connector and session.connector and fact.connector != session.connector
    return bool(is_other_card or is_other_place)


def _rename(session: ChargingSession) -> None:
    """Leave a session's transaction id to the next one."""
    charger_id, id_ = session.charger_id, session.transaction_id
    ours = fit(f"#{session.number}|{id_}")
    TransactionEvent.update(transaction_id=ours).where(
        TransactionEvent.charger == charger_id, TransactionEvent.transaction_id == id_
    ).execute()
    ChargingSession.update(
        transaction_id=ours, former_transaction_id=id_, start_key=fit(f"#{session.number}|{session.start_key}")
    ).where(ChargingSession.number == session.number).execute()
