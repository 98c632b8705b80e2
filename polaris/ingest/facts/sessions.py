"""Single-row path for facts about sessions: started, metered, ended.

Facts may be repeated and arrive in any order; each changes a session once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from polaris.domain import connectors
from polaris.domain import data_quality as quality
from polaris.domain import session as lifecycle
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.enums import Authorization, Correction, SessionState
from polaris.domain.evidence import is_concurrent, is_repetition
from polaris.domain.facts import SessionEnded, SessionMetered, SessionStarted
from polaris.domain.instants import CLOCK_TOLERANCE, MIN_CLOCK_AHEAD, believable
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import END, Reading, completed, in_order, is_unreadable
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Session
from polaris.ingest.facts import (
    card_rows,
    corrections,
    data_quality,
    evidence,
    meter_rows,
    places,
    pricing,
    rebuild,
    unmatched_ends,
    unprocessable,
)
from polaris.ingest.facts.card_rows import Card
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.facts.places import Place
from polaris.ingest.facts.replay_cache import once
from polaris.ingest.outcomes import CardAnswer, Ended, Started
from polaris.ingest.requests import promised_starts, stops
from polaris.ingest.sanitize import fit
from polaris.models import (
    ChargingSession,
    MeterReading,
    ModelQuery,
    Tariff,
    to_microseconds,
)
from polaris.models.session import decided_columns
from polaris.pubsub import ChangeNotification

MAX_ENDS = 4  # of a session that are weighed against each other; chargers that send more send nonsense

_BY_NUMBER = ModelQuery(
    ChargingSession, "SELECT {columns} FROM charging_session WHERE (charger_id, number) IN (VALUES {marks})"
)
_BY_TRANSACTION = ModelQuery(
    ChargingSession,
    "SELECT {columns} FROM charging_session"
    " WHERE transaction_id IS NOT NULL AND (charger_id, transaction_id) IN (VALUES {marks})",
)
_BY_START = ModelQuery(
    ChargingSession, "SELECT {columns} FROM charging_session WHERE (charger_id, start_key) IN (VALUES {marks})"
)
_TARIFF = ModelQuery(
    Tariff,
    "SELECT {columns} FROM tariff WHERE valid_from_at <= {param} AND site_id IN ({marks})"
    " ORDER BY valid_from_at DESC, id DESC LIMIT 1",
)


def authorization(id_tag: str, now: datetime) -> Authorization:
    """Return a card's own standing: the answer if it ends a session, which nothing can prevent."""
    return card_rows.authorize(card_rows.find(id_tag), now, is_charging_elsewhere=False)


def card_answer(id_tag: str, charger_id: int, now: datetime) -> CardAnswer:
    """Return the answer to a charger that asks about a card: that which a start would get there."""
    card = card_rows.find(id_tag)
    return CardAnswer(_authorize_to_start(card, charger_id, now, now), None if card is None else card.expires_at)


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
    owner = owner_columns(fact.id_tag, fact.charger_id, fact.received_at, at=values.started_at)
    columns = start_columns(fact, values, place)
    session = ChargingSession(**columns | owner)
    if unmatched_end is None:
        others = evidence.open_beside(session)
        is_dated = values.started_at == fact.at
        evidence.weigh_start(notifications, session, others, is_dated=is_dated)
        if is_dated and fact.received_at - values.started_at > CLOCK_TOLERANCE:
            evidence.weigh_late_start(session)
    session.save(force_insert=True)
    data_quality.add(session.number, start_notes(fact, values, place), fact.received_at)
    change(notifications, session, is_new=True)
    if fact.transaction_id is None and place.has_start_to_come:  # a 2.x event names the command that it began with
        promised_starts.fulfil_start(notifications, session, fact.received_at)
    if unmatched_end is not None:
        end = unmatched_ends.join(unmatched_end, session)
        _end(notifications, session, end, now, frozenset({Note.END_JOINED}))
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


def metered(notifications: list[ChangeNotification], fact: SessionMetered, now: datetime) -> None:
    """Store readings. Those that name no session belong to the session that is open on the connector."""
    dated = lifecycle.dated(fact.readings, fact.received_at)
    named = _named(fact)
    session = named if fact.transaction_id is not None else _meant(fact, named, dated)
    is_named = session is not None and session is named
    if session is not None and is_named and not session.is_start_inferred:
        dated = lifecycle.dated(fact.readings, fact.received_at, session.started_at)
    if session is None or (not is_named and _is_before(dated, session)):
        unprocessable.keep(fact, "no such session")
        return
    if session.final_at is not None:
        unprocessable.keep(fact, unprocessable.FINAL)
        return
    readings = meter_rows.unstored(session.number, dated)
    if not readings:
        return
    energy_wh, is_ended = session.energy_wh, session.state != SessionState.ACTIVE
    notes = _meter(session, readings, fact.received_at, now, is_inferred=not is_named)
    if is_named:
        evidence.weigh_reading(notifications, session, dated)
    # A charger may still meter a connector that it has reported free; only more energy shows that the session goes on.
    is_idle = not is_named and (session.energy_wh or 0) <= (energy_wh or 0)
    is_in_doubt = session.is_awaiting_end and (
        is_idle or not evidence.is_outweighed(session, dated[-1].sampled_at, fact.received_at)
    )
    if is_ended:
        corrections.note(session, Correction.LATE_READINGS, energy_wh, fact.received_at)
    notes |= data_quality.of_readings(fact.readings, dated, fact.received_at, session.number)
    data_quality.add(session.number, notes, fact.received_at)
    change(
        notifications,
        session,
        **changed_columns(session),
        last_heard_at=fact.received_at,
        is_awaiting_end=is_in_doubt,
    )


def _meter(
    session: ChargingSession,
    readings: list[Reading],
    received_at: datetime,
    now: datetime,
    *,
    is_inferred: bool = False,
) -> frozenset[Note]:
    """Store new readings and set the session's figures: in order step by step, else by a rebuild. Return the notes."""
    values = session.values()
    newest_at = session.last_reading_at
    is_in_order = newest_at is None or in_order(readings[0]) >= (newest_at, True)
    if is_in_order and session.meter and values.state is SessionState.ACTIVE:
        decision = lifecycle.meter(values, readings, received_at, is_inferred=is_inferred)
        meter_rows.store(meter_rows.values(session.number, row) for row in decision.rows)
        session.take(decision.session)
        pricing.weigh(session, values.energy_wh)
        is_due = decision.needs_rebuild or pricing.is_border_passed(session, session.last_reading_at)
        if not is_due or rebuild.is_put_off(session):
            return decision.notes | data_quality.of_inferred(decision.rows)
        rebuild.figures(session, now)
        return decision.notes
    rows = [ReadingRow(reading, received_at, is_inferred=is_inferred) for reading in readings]
    meter_rows.store(meter_rows.values(session.number, row) for row in rows)
    if not rebuild.is_put_off(session):
        rebuild.figures(session, now)
    return quality.NONE


@once
def ended(notifications: list[ChangeNotification], fact: SessionEnded, now: datetime) -> Ended:
    """Close a session with the charger's figures. No figure can prevent it (OCPP 1.6 §4.10)."""
    session = _named(fact)
    if session is not None:
        _end(notifications, session, fact, now)
    elif (session := unmatched_ends.adopt(fact)) is not None:
        _end(notifications, session, fact, now, frozenset({Note.END_JOINED}))
    elif unmatched_ends.keep(fact):
        unprocessable.keep(fact, "no such session")
    return Ended(None if fact.id_tag is None else authorization(fact.id_tag, fact.received_at))


def _end(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    fact: SessionEnded,
    now: datetime,
    notes: frozenset[Note] = frozenset(),
) -> None:
    before = session.values()
    started_at = None if session.is_start_inferred else session.started_at
    dated = lifecycle.dated(fact.readings, fact.received_at, started_at)
    ended_at = lifecycle.ended_at(before, fact.at, fact.received_at)
    final, readings = split(Reading(ended_at, END, fact.meter_stop_wh), dated)
    if session.final_at is not None or (before.state, lifecycle.SESSION_ENDED) not in lifecycle.TRANSITIONS:
        _weigh_second_end(notifications, session, fact, (final, readings), now)
        return
    readings = meter_rows.unstored(session.number, readings)
    if readings:
        notes |= _meter(session, readings, fact.received_at, now)
    is_outdated = session.needs_rebuild or not session.meter
    decision = lifecycle.end(session.values(), final, fact.received_at, fit(fact.reason))
    meter_rows.store(meter_rows.values(session.number, row) for row in decision.rows)
    session.take(decision.session)
    pricing.weigh(session, before.energy_wh)
    session.end_received_at = fact.received_at
    if before.state is SessionState.ESTIMATED:
        session.estimated_wh = before.energy_wh
    notes |= decision.notes | quality.of_instant(fact.at, ended_at, fact.received_at)
    notes |= data_quality.of_readings(fact.readings, dated, fact.received_at, session.number)
    has_late = is_outdated or before.state is SessionState.ESTIMATED
    may_be_nothing = session.is_refused and session.energy_wh is None
    is_due = decision.needs_rebuild or pricing.needs_split(session, ended_at)
    if has_late or may_be_nothing or (is_due and not rebuild.is_put_off(session)):
        rebuild.figures(session, now)
    else:
        of_figures = data_quality.of_figures(session, notes)
        data_quality.replace(session.number, quality.OF_FIGURES, of_figures, fact.received_at)
    data_quality.add(session.number, notes - quality.OF_FIGURES, fact.received_at)
    if before.state is SessionState.ESTIMATED:
        corrections.note(session, Correction.LATE_END, before.energy_wh, fact.received_at)
    stops.complete_all(session.number, now)
    change(
        notifications,
        session,
        **changed_columns(session),
        last_heard_at=fact.received_at,
        is_awaiting_end=False,
    )


def split(final: Reading, dated: list[Reading]) -> tuple[Reading, list[Reading]]:
    """Return the final reading with the values that were sent for it with the end, and the other readings.

    An end that has no register, but a reading of context Transaction.End, takes that one's.
    """
    if final.register_wh is None:
        at_end = [reading.register_wh for reading in dated if reading.context == END]
        final = replace(final, register_wh=next((wh for wh in reversed(at_end) if wh is not None), None))
    others = []
    for reading in dated:
        is_own = reading.context == END or reading.sampled_at == final.sampled_at
        is_mark = reading.interval_wh is not None or is_unreadable(reading)
        if is_own and reading.register_wh in (final.register_wh, None) and not is_mark:
            final = replace(completed(final, reading), context=END)
        else:
            others.append(reading)
    return final, others


def _weigh_second_end(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    fact: SessionEnded,
    told: tuple[Reading, list[Reading]],
    now: datetime,
) -> None:
    """Take a second end that differs from the first if the register of that one does not count; its readings are late.

    Otherwise the first one's figures stand, and the second is kept.
    """
    final, readings = told
    stored = list(MeterReading.select().where(MeterReading.session == session, MeterReading.is_final))
    is_same = any(final.register_wh == before.register_wh for before in stored)
    if is_same or (final.register_wh is None and not fact.readings):
        return
    if session.final_at is not None:
        unprocessable.keep(fact, unprocessable.FINAL)
        return
    if len(stored) < MAX_ENDS and _may_replace_end(session, final, stored):
        before_wh = session.energy_wh
        rows = [ReadingRow(final, fact.received_at, is_final=True)]
        rows += [ReadingRow(reading, fact.received_at) for reading in meter_rows.unstored(session.number, readings)]
        meter_rows.store(meter_rows.values(session.number, row) for row in rows)
        if not rebuild.is_put_off(session):
            rebuild.figures(session, now)
        corrections.note(session, Correction.LATE_END, before_wh, fact.received_at)
        change(notifications, session, **changed_columns(session), last_heard_at=fact.received_at)
        return
    unprocessable.keep(fact, f"{lifecycle.SESSION_ENDED} while {session.state}")
    metered(
        notifications,
        SessionMetered(
            charger_id=fact.charger_id,
            received_at=fact.received_at,
            connector=session.connector,
            number=session.number,
            transaction_id=session.transaction_id,
            readings=fact.readings,
        ),
        now,
    )


def _may_replace_end(session: ChargingSession, final: Reading, stored: list[MeterReading]) -> bool:
    """Whether a second end may be the right one: no end of the session counts yet, and none has begun there since."""
    if final.register_wh is None:
        return False
    is_settled = any(before.register_wh is not None and before.set_aside == "" for before in stored)
    return not (is_settled and session.energy_wh) and not evidence.has_later(session, final.sampled_at)


def start_key(fact: SessionStarted) -> str:
    """Return the key that is equal for repetitions of a start."""
    if fact.transaction_id is not None:
        return fit(f"transaction|{fact.transaction_id}")
    at = fact.sent_at or fact.at
    return fit(f"{fact.connector}|{normal_id_tag(fact.id_tag)}|{at and at.isoformat()}|{fact.meter_start_wh}")


def _named(fact: SessionMetered | SessionEnded) -> ChargingSession | None:
    """Return the charger's own session that the fact names. Numbers of other chargers' sessions are unknown to it."""
    if fact.transaction_id is not None:
        return of_transaction(fact.charger_id, fact.transaction_id)
    if fact.number is None or not 0 < fact.number <= MAX_INT32:
        return None
    return of_number(fact.charger_id, fact.number)


def of_number(charger_id: int, number: int) -> ChargingSession | None:
    """Return the charger's session of this number, its row locked."""
    return _BY_NUMBER.first((charger_id, number), is_locking=True)


def of_transaction(charger_id: int, transaction_id: str) -> ChargingSession | None:
    """Return the charger's session of a transaction (OCPP 2.x), its row locked."""
    return _BY_TRANSACTION.first((charger_id, fit(transaction_id)), is_locking=True)


def _meant(fact: SessionMetered, named: ChargingSession | None, dated: list[Reading]) -> ChargingSession | None:
    """Return the session that readings are of: the one that they name, else the one that is open on the connector.

    Some chargers go on to name the session before, which has ended.
    """
    is_over = named is not None and named.state == SessionState.COMPLETED
    if named is not None and not (is_over and dated and dated[0].sampled_at > named.ended_at):
        return named
    found = _open_on(fact.charger_id, fact.connector, dated)
    is_later = found is not None and dated and found.started_at > dated[0].sampled_at
    return named if named is not None and (found is None or is_later) else found


def _open_on(charger_id: int, connector: int, dated: list[Reading]) -> ChargingSession | None:
    """Return the only session that is open on a connector, for readings that name none.

    One that awaits its end is none beside another, nor after another has begun and ended there.
    """
    found = evidence.open_on(charger_id, connector) or evidence.open_on(charger_id, *connectors.further(connector))
    going_on = [session for session in found if not session.is_awaiting_end]
    if not going_on and found and not evidence.has_successor(found[0], dated[-1].sampled_at if dated else None):
        return found[0]
    return going_on[0] if len(going_on) == 1 else None


def owner_columns(id_tag: str, charger_id: int, now: datetime, *, at: datetime) -> dict[str, Any]:
    """Return the columns that name a card's owner, and the authorization that the charger gets for a start.

    A card that has expired by `now`, the receipt, is refused, though it may have been good when it was shown, `at`.
    """
    card = card_rows.find(id_tag)
    return card_columns(id_tag, card, _authorize_to_start(card, charger_id, now, at))


def card_columns(id_tag: str, card: Card | None, authorization: Authorization) -> dict[str, Any]:
    """Return the `owner_columns` of a card."""
    return {
        "id_tag": fit(normal_id_tag(id_tag)),
        "card_id": None if card is None else card.id,
        "account_id": None if card is None else card.account_id,
        "authorization": authorization,
    }


def _authorize_to_start(card: Card | None, charger_id: int, now: datetime, at: datetime) -> Authorization:
    """Authorize a card to start a session at some instant.

    Those at the same charger do not count: it asks before it stops one, too.
    """
    going_on = [] if card is None else card_rows.going_on([card])
    elsewhere = [session for session in going_on if session.charger_id != charger_id]
    is_elsewhere = any(is_concurrent(session.started_at, at) and evidence.is_charging(session) for session in elsewhere)
    return card_rows.authorize(card, now, is_charging_elsewhere=is_elsewhere)


def tariff_in_force(site_id: int, at: datetime) -> Tariff | None:
    """Return the tariff in force at a site."""
    return _TARIFF.first(site_id, to_microseconds(at))


def _is_before(dated: list[Reading], session: ChargingSession) -> bool:
    """Whether readings that name no session are older than the open one."""
    return bool(dated) and dated[-1].sampled_at < session.started_at - CLOCK_TOLERANCE
