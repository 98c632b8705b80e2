"""Single-row path for starts of sessions.

A start may be repeated and come after its end; it opens one session.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from polaris.domain import session as lifecycle
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.enums import Authorization, SessionState
from polaris.domain.evidence import is_repetition
from polaris.domain.facts import SessionStarted
from polaris.domain.instants import CLOCK_TOLERANCE, MIN_CLOCK_AHEAD, believable
from polaris.domain.session import Session
from polaris.ingest.facts import data_quality, evidence, places, session_cards, session_end, unmatched_ends
from polaris.ingest.facts.chargers import change
from polaris.ingest.facts.places import Place
from polaris.ingest.facts.replay_cache import once
from polaris.ingest.outcomes import Started
from polaris.ingest.requests import promised_starts, set_limits
from polaris.ingest.sanitize import fit
from polaris.models import ChargingSession, ModelQuery
from polaris.models.session import decided_columns
from polaris.pubsub import ChangeNotification

_BY_START = ModelQuery(
    ChargingSession, "SELECT {columns} FROM charging_session WHERE (charger_id, start_key) IN (VALUES {marks})"
)


@once
def started(notifications: list[ChangeNotification], fact: SessionStarted, now: datetime) -> Started:
    """Open a session, once: a repeated start gets the same answer.

    A card that may not charge gets a session too: energy may follow (OCPP 1.6 errata 3.17).
    """
    repeated = _repeated(fact, start_key(fact))
    if repeated is not None:
        return Started(repeated.number, Authorization(repeated.authorization))
    place = places.of([fact])[fact.charger_id]
    unmatched_end = unmatched_ends.find_for(fact) if place.has_unmatched_end else None
    values = lifecycle.begin(fact.at, fact.received_at, fact.meter_start_wh, place.bound_w(fact.connector))
    owner = session_cards.owner_columns(fact.id_tag, fact.charger_id, fact.received_at, at=values.started_at)
    columns = start_columns(fact, values, place)
    session = ChargingSession(**columns | owner)
    if unmatched_end is None:
        others = evidence.open_beside(session)
        is_dated = values.started_at == fact.at
        evidence.weigh_start(notifications, session, others, is_dated=is_dated)
        if is_dated and fact.received_at - values.started_at > CLOCK_TOLERANCE:
            evidence.weigh_late_start(session)
    session.save(force_insert=True)
    set_limits.begin(session, now)
    data_quality.add(session.number, start_notes(fact, values, place), fact.received_at)
    change(notifications, session, is_new=True)
    if fact.transaction_id is None and place.has_start_to_come:  # a 2.x event names the command that it began with
        promised_starts.fulfil_start(notifications, session, fact.received_at)
    if unmatched_end is not None:
        end = unmatched_ends.join(unmatched_end, session)
        session_end.end(notifications, session, end, now, frozenset({Note.END_JOINED}))
    return Started(session.number, Authorization(session.authorization))


def start_columns(fact: SessionStarted, values: Session, place: Place) -> dict[str, Any]:
    """Return the columns of a start's session, but for its owner's."""
    return {
        "charger_id": fact.charger_id,
        "site_id": place.site_id,
        "connector": fact.connector,
        "tariff_id": place.tariff_id,
        "next_border_at": place.next_border_at(values.started_at),
        "start_key": start_key(fact),
        "transaction_id": fact.transaction_id and fit(fact.transaction_id),
        "start_received_at": fact.received_at,
        "meter_start_wh": fact.meter_start_wh if values.meter.start_wh is None else values.meter.start_wh,
        "last_heard_at": fact.received_at,
    } | decided_columns(values)


def start_notes(fact: SessionStarted, values: Session, place: Place) -> frozenset[Note]:
    """Return the notes on a start's session."""
    return data_quality.of_start(
        fact, values.started_at, energy_unit=place.energy_unit, clock_offset_s=place.clock_offset_s
    )


def start_key(fact: SessionStarted) -> str:
    """Return the key that is equal for repetitions of a start."""
    if fact.transaction_id is not None:
        return fit(f"transaction|{fact.transaction_id}")
    at = fact.sent_at or fact.at
    return fit(f"{fact.connector}|{normal_id_tag(fact.id_tag)}|{at and at.isoformat()}|{fact.meter_start_wh}")


def _repeated(fact: SessionStarted, key: str) -> ChargingSession | None:
    """Return the session of a start that is told again. One that only looks the same leaves its key to the new one."""
    session = _BY_START.first((fact.charger_id, key))
    if session is None:
        return None
    sent_at = fact.sent_at or fact.at
    is_restarted = sent_at is not None and sent_at - fact.received_at < MIN_CLOCK_AHEAD  # with each boot
    is_dated = not is_restarted and believable(fact.at, fact.received_at) == fact.at
    if is_repetition(
        at=fact.at if is_dated else None,
        state=SessionState(session.state),
        ended_at=session.ended_at,
        is_refused=session.is_refused,
        has_moved_on=_has_moved_on(session),
    ):
        return session
    ChargingSession.update(start_key=fit(f"#{session.number}|{key}")).where(
        ChargingSession.number == session.number
    ).execute()
    return None


def _has_moved_on(session: ChargingSession) -> bool:
    """Whether a message of the session, or another start, has come since its own start."""
    if session.end_received_at is not None and session.end_received_at >= session.start_received_at:
        return True
    later = (ChargingSession.charger == session.charger_id) & (ChargingSession.connector == session.connector)
    has_later = ChargingSession.select().where(later, ChargingSession.number > session.number).exists()
    return has_later or evidence.named_at(session) is not None
