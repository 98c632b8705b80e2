"""Ends that name no session that is known: joined to the one session they fit, or kept until its start comes.

A charger that was offline at the start sends -1 or a number of its own making (OCPP 1.6 errata 3.18); a queue can lose
a start, or bring it after its end. Card, time and register decide; where two sessions fit, none is touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import fields, replace

from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import SessionState
from polaris.domain.facts import SessionEnded, SessionStarted
from polaris.domain.metering import Reading
from polaris.domain.session import believable
from polaris.ingest.sanitize import fit
from polaris.models import ChargingSession, UnmatchedEnd, locked

MAX_SESSION = timedelta(hours=48)  # an end further from a start than this is not taken for its end
MAX_POWER_W = 500_000
REGISTER_SLACK_WH = 1000
INT64 = 2**63


def adopt(fact: SessionEnded) -> ChargingSession | None:
    """The session that an end without a known number fits, or was joined to before; None where there is none."""
    if fact.transaction_id is not None:
        return None  # its own name (OCPP 2.x) says which it is, and makes it
    known = UnmatchedEnd.get_or_none(UnmatchedEnd.charger == fact.charger_id, UnmatchedEnd.key == _key(fact))
    if known is not None:
        return None if known.session_id is None else _locked(ChargingSession.number == known.session_id)
    found = _fitting(fact)
    if found is not None:
        _create(fact, found)
    return found


def keep(fact: SessionEnded) -> bool:
    """Keep an end until its start comes; return whether it is new."""
    if fact.transaction_id is not None:
        return True
    if UnmatchedEnd.select().where(UnmatchedEnd.charger == fact.charger_id, UnmatchedEnd.key == _key(fact)).exists():
        return False
    _create(fact, None)
    return True


def waiting(fact: SessionStarted) -> UnmatchedEnd | None:
    """The first end that waits for this start: it came before, and says that it was later."""
    if fact.transaction_id is not None:
        return None
    started_at = believable(fact.at, fact.received_at)
    same_card = UnmatchedEnd.id_tag.in_([fit(normal_id_tag(fact.id_tag)), ""])
    query = (
        UnmatchedEnd.select()
        .where(UnmatchedEnd.charger == fact.charger_id, UnmatchedEnd.session.is_null(), same_card)
        .where(UnmatchedEnd.ended_at >= started_at, UnmatchedEnd.ended_at <= started_at + MAX_SESSION)
        .where(UnmatchedEnd.meter_stop_wh.is_null() | (UnmatchedEnd.meter_stop_wh >= fact.meter_start_wh))
        .order_by(UnmatchedEnd.ended_at)
    )
    found: UnmatchedEnd | None = query.first()
    return found


def join(orphan: UnmatchedEnd, opened: ChargingSession) -> SessionEnded:
    """Give an end to the session whose start has come; return it as a fact of that session."""
    UnmatchedEnd.update(session=opened).where(UnmatchedEnd.id == orphan.id).execute()
    return SessionEnded(
        charger_id=orphan.charger_id,
        received_at=orphan.received_at,
        number=opened.number,
        at=orphan.ended_at,
        meter_stop_wh=orphan.meter_stop_wh,
        reason=orphan.reason,
        id_tag=orphan.id_tag or None,
        readings=tuple(_readings(orphan.readings)),
    )


def _fitting(fact: SessionEnded) -> ChargingSession | None:
    """The one open session that fits; else the one that was closed without its end. A number that is not of our
    making (-1, 0) may come without a card; any other needs it."""
    if fact.id_tag is None and (fact.number or 0) > 0:
        return None
    ended_at = believable(fact.at, fact.received_at)
    fits = [
        ChargingSession.charger == fact.charger_id,
        ChargingSession.started_at <= ended_at,
        ChargingSession.started_at >= ended_at - MAX_SESSION,
    ]
    if fact.id_tag is not None:
        fits.append(ChargingSession.id_tag == fit(normal_id_tag(fact.id_tag)))
    if fact.meter_stop_wh is not None:
        fits.append(ChargingSession.meter_start_wh <= fact.meter_stop_wh)
    for state in (SessionState.ACTIVE, SessionState.ESTIMATED):
        found = list(ChargingSession.select().where(*fits, ChargingSession.state == state).limit(2))
        if found:
            is_it = len(found) == 1 and (fact.id_tag is not None or _goes_on(found[0], fact.meter_stop_wh, ended_at))
            return _locked(ChargingSession.number == found[0].number) if is_it else None
    return None


def _goes_on(found: ChargingSession, stop_wh: int | None, ended_at: datetime) -> bool:
    """Whether a register goes on from a session's last one as far as a charger can have delivered since: what there is
    to go by without a card."""
    if stop_wh is None:
        return False
    register_wh = found.base_wh + found.energy_wh - found.before_wh
    hours = max(0.0, (ended_at - (found.last_reading_at or found.started_at)).total_seconds() / 3600)
    return bool(register_wh <= stop_wh <= register_wh + REGISTER_SLACK_WH + MAX_POWER_W * hours)


def _locked(condition: Any) -> ChargingSession | None:
    found: ChargingSession | None = locked(ChargingSession.select().where(condition)).first()
    return found


def _create(fact: SessionEnded, session: ChargingSession | None) -> None:
    UnmatchedEnd.create(
        charger=fact.charger_id,
        session=session,
        key=_key(fact),
        number=_number(fact),
        id_tag="" if fact.id_tag is None else fit(normal_id_tag(fact.id_tag)),
        ended_at=believable(fact.at, fact.received_at),
        meter_stop_wh=fact.meter_stop_wh,
        reason=fit(fact.reason),
        readings=json.dumps([_values(reading) for reading in fact.readings]),
        received_at=fact.received_at,
    )


def _key(fact: SessionEnded) -> str:
    """What is the same however often it is sent. An end without a time of its own is told apart by all it says."""
    said = f"{fact.number}|{fact.id_tag}|{fact.at and fact.at.isoformat()}|{fact.meter_stop_wh}|{fact.reason}"
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()


def _number(fact: SessionEnded) -> int:
    number = fact.number or 0
    return number if -INT64 <= number < INT64 else 0


def _values(reading: Reading) -> dict[str, Any]:
    return {field.name: getattr(reading, field.name) for field in fields(reading)} | {
        "sampled_at": reading.sampled_at.isoformat()
    }


def _readings(text: str) -> Iterable[Reading]:
    for values in json.loads(text):
        at = datetime.fromisoformat(values["sampled_at"])
        yield replace(Reading(at), **values | {"sampled_at": at})
