"""Ends that name no known session: each is joined to the one session that it fits, or kept until its start comes.

A charger that was offline at the start sends -1 or a number of its own (OCPP 1.6 errata 3.18); a queue can lose a
start, or send it after its end. Card, time and register decide; if two sessions fit, neither is changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import asdict

from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import Alarm, SessionState
from polaris.domain.facts import SessionEnded, SessionStarted
from polaris.domain.instants import believable, to_microseconds
from polaris.domain.metering import Reading
from polaris.ingest.facts import notices
from polaris.ingest.sanitize import fit, fit_line
from polaris.models import ChargingSession, UnmatchedEnd, locked

MAX_DURATION = timedelta(hours=48)  # of a session; without it an end could join one that was forgotten weeks ago
MAX_WAITING = 500  # of a charger; of more, the newest stay: a start that comes late comes within days
MAX_READINGS = 1000  # of an end that waits; any more are left out, but neither its first nor its last
MAX_FITTING = 10  # sessions among which an end may be told by its register; a charger has few connectors
INT64 = 2**63


def adopt(fact: SessionEnded) -> ChargingSession | None:
    """Return the session that an end without a known number fits, or was joined to before; None if there is none."""
    if fact.transaction_id is not None:
        return None  # OCPP 2.x: its transaction id identifies the session
    unmatched_end = _find(fact)
    if unmatched_end is not None:
        session_id = unmatched_end.session_id
        return None if session_id is None else _locked(session_id)
    session = _fitting(fact)
    if session is not None:
        _create(fact, session)
    return session


def keep(fact: SessionEnded) -> bool:
    """Keep an end until its start comes; return whether it is new."""
    if fact.transaction_id is not None:
        return True
    if _find(fact) is not None:
        return False
    _create(fact, None)
    _delete_oldest(fact)
    return True


def _delete_oldest(fact: SessionEnded) -> None:
    waits = (UnmatchedEnd.charger == fact.charger_id) & UnmatchedEnd.session.is_null()
    newest = UnmatchedEnd.select(UnmatchedEnd.id).where(waits).order_by(UnmatchedEnd.id.desc())
    oldest = newest.offset(MAX_WAITING).limit(1).scalar()
    if oldest is not None:
        UnmatchedEnd.delete().where(waits, UnmatchedEnd.id <= oldest).execute()
        notices.keep(fact.charger_id, Alarm.UNPROCESSABLE, {}, fact.received_at)


def find_for(fact: SessionStarted) -> UnmatchedEnd | None:
    """Return the earliest kept end that fits a start which arrived after it."""
    if fact.transaction_id is not None:
        return None
    started_at = believable(fact.at, fact.received_at)
    same_card = UnmatchedEnd.id_tag.in_([fit(normal_id_tag(fact.id_tag)), ""])
    query = (
        UnmatchedEnd.select()
        .where(UnmatchedEnd.charger == fact.charger_id, UnmatchedEnd.session.is_null(), same_card)
        .where(UnmatchedEnd.ended_at >= started_at, UnmatchedEnd.ended_at <= started_at + MAX_DURATION)
        .where(UnmatchedEnd.meter_stop_wh.is_null() | (UnmatchedEnd.meter_stop_wh >= fact.meter_start_wh))
        .order_by(UnmatchedEnd.ended_at)
    )
    unmatched_end: UnmatchedEnd | None = query.first()
    return unmatched_end


def join(unmatched_end: UnmatchedEnd, session: ChargingSession) -> SessionEnded:
    """Join an end to the session whose start has come; return it as a fact of that session."""
    UnmatchedEnd.update(session=session).where(UnmatchedEnd.id == unmatched_end.id).execute()
    return SessionEnded(
        charger_id=unmatched_end.charger_id,
        received_at=unmatched_end.received_at,
        number=session.number,
        at=unmatched_end.ended_at,
        meter_stop_wh=unmatched_end.meter_stop_wh,
        reason=unmatched_end.reason,
        id_tag=unmatched_end.id_tag or None,
        readings=tuple(_readings(unmatched_end.readings)),
    )


def _find(fact: SessionEnded) -> UnmatchedEnd | None:
    unmatched_end: UnmatchedEnd | None = UnmatchedEnd.get_or_none(
        UnmatchedEnd.charger == fact.charger_id, UnmatchedEnd.key == _key(fact)
    )
    return unmatched_end


def _fitting(fact: SessionEnded) -> ChargingSession | None:
    """Return the only open session that fits, else the only one that was closed without its end.

    An end without a card needs a register that continues the session's: its number may be another server's.
    """
    ended_at = believable(fact.at, fact.received_at)
    conditions = [
        ChargingSession.charger == fact.charger_id,
        ChargingSession.final_at.is_null(),
        ChargingSession.started_at <= ended_at,
        ChargingSession.started_at >= ended_at - MAX_DURATION,
    ]
    if fact.id_tag is not None:
        conditions.append(ChargingSession.id_tag == fit(normal_id_tag(fact.id_tag)))
    if fact.meter_stop_wh is not None:
        conditions.append(ChargingSession.meter_start_wh <= fact.meter_stop_wh)
    for state in (SessionState.ACTIVE, SessionState.ESTIMATED):
        sessions = list(ChargingSession.select().where(*conditions, ChargingSession.state == state).limit(MAX_FITTING))
        if len(sessions) > 1:  # a card at two connectors: their registers differ
            sessions = [session for session in sessions if _continues(session, fact.meter_stop_wh, ended_at)]
        if len(sessions) > 1:
            return None
        if sessions:
            is_fitting = fact.id_tag is not None or _continues(sessions[0], fact.meter_stop_wh, ended_at)
            return _locked(sessions[0].number) if is_fitting else None
    return None


def _continues(session: ChargingSession, stop_wh: int | None, ended_at: datetime) -> bool:
    """Whether a register continues a session's last one, by no more than a charger can deliver in the time between."""
    if stop_wh is None:
        return False
    meter = session.values().meter
    at_us = to_microseconds(ended_at)
    best = meter.best
    return best is not None and stop_wh >= best.last_wh and meter.bound.follows(best, stop_wh, at_us, at_us)


def _locked(number: int) -> ChargingSession | None:
    session: ChargingSession | None = locked(ChargingSession.select().where(ChargingSession.number == number)).first()
    return session


def _create(fact: SessionEnded, session: ChargingSession | None) -> None:
    number = fact.number or 0
    UnmatchedEnd.create(
        charger=fact.charger_id,
        session=session,
        key=_key(fact),
        number=number if -INT64 <= number < INT64 else 0,
        id_tag="" if fact.id_tag is None else fit(normal_id_tag(fact.id_tag)),
        ended_at=believable(fact.at, fact.received_at),
        meter_stop_wh=fact.meter_stop_wh,
        reason=fit_line(fact.reason),
        readings=json.dumps([asdict(r) | {"sampled_at": r.sampled_at.isoformat()} for r in _bounded(fact.readings)]),
        received_at=fact.received_at,
    )


def _bounded(readings: Sequence[Reading]) -> Sequence[Reading]:
    half = MAX_READINGS // 2
    return readings if len(readings) <= MAX_READINGS else (*readings[:half], *readings[-half:])


def _key(fact: SessionEnded) -> str:
    """Return a key that is equal for repetitions of an end. Not all ends have a time, so every field is part of it."""
    at = fact.sent_at or fact.at
    text = f"{fact.number}|{fact.id_tag}|{at and at.isoformat()}|{fact.meter_stop_wh}|{fact.reason}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _readings(text: str) -> Iterable[Reading]:
    for values in json.loads(text):
        yield Reading(**values | {"sampled_at": datetime.fromisoformat(values["sampled_at"])})
