"""Single-row path for facts about sessions: started, metered, ended.

Facts may be repeated and arrive in any order; each changes a session once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from polaris.domain import cards
from polaris.domain import session as lifecycle
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.enums import AccountStatus, Authorization, CardStatus, SessionState
from polaris.domain.facts import Fact, SessionEnded, SessionMetered, SessionStarted
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import VALUES, Reading
from polaris.ingest.facts import data_quality, meter_rows, unmatched_ends
from polaris.ingest.facts.chargers import change
from polaris.ingest.facts.replay_cache import once
from polaris.ingest.outcomes import Ended, Started
from polaris.ingest.requests import commands, stops
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Account, Charger, ChargingSession, EvCard, MeterReading, Tariff, UnprocessableFact, locked
from polaris.pubsub import ChangeNotification

# Readings without a session's number are refused if they are older than the session. A start without a time is dated by
# our clock, its readings by the charger's: without a tolerance a slow clock would have all of them refused.
CLOCK_TOLERANCE = timedelta(minutes=15)


def authorization(id_tag: str) -> Authorization:
    """Return the answer to a charger that asks about a card."""
    return _authorize(_card(id_tag), is_charging_elsewhere=False)


@once
def started(notifications: list[ChangeNotification], fact: SessionStarted, now: datetime) -> Started:
    """Open a session, once: a repeated start gets the same answer.

    A card that may not charge gets a session too: energy may follow (OCPP 1.6 errata 3.17).
    """
    start_key = _start_key(fact)
    session = ChargingSession.get_or_none(
        ChargingSession.charger == fact.charger_id, ChargingSession.start_key == start_key
    )
    if session is not None:
        return Started(session.number, Authorization(session.authorization))
    unmatched_end = unmatched_ends.find_for(fact)
    if unmatched_end is None:
        _supersede_open(notifications, fact)
    values = lifecycle.begin(fact.at, fact.received_at, fact.meter_start_wh)
    session = ChargingSession(
        charger=fact.charger_id,
        connector=fact.connector,
        **owner_columns(fact.id_tag),
        tariff=tariff_in_force(fact.charger_id, values.started_at),
        start_key=start_key,
        transaction_id=fact.transaction_id and fit(fact.transaction_id),
        start_received_at=fact.received_at,
        meter_start_wh=fact.meter_start_wh,
        last_heard_at=fact.received_at,
    )
    session.take(values)
    session.save(force_insert=True)
    data_quality.add(session.number, data_quality.of_start(session, fact.at), fact.received_at)
    change(notifications, session, is_new=True)
    if fact.transaction_id is None:  # an OCPP 2.x event names the command that it began with
        commands.fulfil_start(notifications, session, fact.received_at)
    if unmatched_end is not None:
        end = unmatched_ends.join(unmatched_end, session)
        _end(notifications, session, end, now, frozenset({Note.END_JOINED}))
    return Started(session.number, Authorization(session.authorization))


def metered(notifications: list[ChangeNotification], fact: SessionMetered, now: datetime) -> None:
    """Store readings. Those that name no session belong to the session that is open on the connector."""
    is_named = fact.number is not None or fact.transaction_id is not None
    session = _named(fact) if is_named else _open_on(fact.charger_id, fact.connector)
    dated = lifecycle.dated(fact.readings, fact.received_at)
    if session is None or (not is_named and _is_before(dated, session)):
        keep_unprocessable(fact, "no such session")
        return
    readings = _new_readings(session, dated)
    if not readings:
        return
    energy_wh = session.energy_wh
    decision = lifecycle.meter(session.values(), readings)
    meter_rows.store(meter_rows.values(session.number, row, fact.received_at) for row in decision.rows)
    session.take(decision.session)
    # A charger may still meter a connector that it has reported free; only more energy shows that the session goes on.
    is_idle = not is_named and decision.session.meter.energy_wh <= energy_wh
    notes = decision.notes | data_quality.of_readings(fact.readings, dated, fact.received_at)
    data_quality.add(session.number, notes if is_named else notes | {Note.INFERRED}, fact.received_at)
    change(
        notifications,
        session,
        **changed_columns(session),
        last_heard_at=fact.received_at,
        is_awaiting_end=session.is_awaiting_end and is_idle,
    )


@once
def ended(notifications: list[ChangeNotification], fact: SessionEnded, now: datetime) -> Ended:
    """Close a session with the charger's figures. No figure can prevent it (OCPP 1.6 §4.10)."""
    session = _named(fact)
    if session is not None:
        _end(notifications, session, fact, now)
    elif (session := unmatched_ends.adopt(fact)) is not None:
        _end(notifications, session, fact, now, frozenset({Note.END_JOINED}))
    elif unmatched_ends.keep(fact):
        keep_unprocessable(fact, "no such session")
    return Ended(None if fact.id_tag is None else authorization(fact.id_tag))


def _end(
    notifications: list[ChangeNotification],
    session: ChargingSession,
    fact: SessionEnded,
    now: datetime,
    notes: frozenset[Note] = frozenset(),
) -> None:
    before = session.values()
    decision = lifecycle.end(
        before,
        at=fact.at,
        received_at=fact.received_at,
        meter_stop_wh=fact.meter_stop_wh,
        reason=fit(fact.reason),
        readings=_new_readings(session, lifecycle.dated(fact.readings, fact.received_at)),
    )
    if decision.anomaly:
        _keep_second_end(notifications, session, fact, now, decision.anomaly)
        return
    meter_rows.store(meter_rows.values(session.number, row, fact.received_at) for row in decision.rows)
    session.take(decision.session)
    notes |= decision.notes | data_quality.of_session(session.number, decision.session)
    data_quality.add(session.number, notes, fact.received_at)
    stops.complete_all(session.number, now)
    change(
        notifications,
        session,
        **changed_columns(session),
        last_heard_at=fact.received_at,
        end_received_at=fact.received_at,
        estimated_wh=before.meter.energy_wh if before.state is SessionState.ESTIMATED else None,
        is_awaiting_end=False,
    )


def _keep_second_end(
    notifications: list[ChangeNotification], session: ChargingSession, fact: SessionEnded, now: datetime, anomaly: str
) -> None:
    """Keep a second end that differs from the first, whose figures stand; its readings count as late ones."""
    final = MeterReading.get_or_none(MeterReading.session == session, MeterReading.is_final)
    if final is not None and final.register_wh == fact.meter_stop_wh:
        return
    keep_unprocessable(fact, anomaly)
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


def keep_unprocessable(fact: Fact, reason: str) -> None:
    """Keep a fact that cannot be applied, with its whole payload."""
    number = getattr(fact, "number", None)
    UnprocessableFact.create(
        charger=fact.charger_id,
        name=fact.name,
        number=number if number is not None and -MAX_INT32 - 1 <= number <= MAX_INT32 else None,
        reason=fit(reason),
        payload=fit_json(fact.raw),
        received_at=fact.received_at,
    )


def _supersede_open(notifications: list[ChangeNotification], fact: SessionStarted) -> None:
    """Close the sessions that are still open on the connector, as estimates: the charger has begun another there."""
    while (session := _open_on(fact.charger_id, fact.connector)) is not None and not _is_older(fact, session):
        session.take(lifecycle.supersede(session.values(), received_at=fact.received_at).session)
        stops.complete_all(session.number, fact.received_at)
        change(notifications, session, **changed_columns(session))


def _is_older(fact: SessionStarted, session: ChargingSession) -> bool:
    """Whether a transaction (OCPP 2.x) that is reported late began before this session, or on an unknown connector."""
    if fact.transaction_id is None:
        return False
    return fact.connector == 0 or lifecycle.believable(fact.at, fact.received_at) < session.started_at


def _start_key(fact: SessionStarted) -> str:
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
    return _first_locked(ChargingSession.charger == fact.charger_id, ChargingSession.number == fact.number)


def of_transaction(charger_id: int, transaction_id: str) -> ChargingSession | None:
    """Return the charger's session of a transaction (OCPP 2.x), its row locked."""
    return _first_locked(ChargingSession.charger == charger_id, ChargingSession.transaction_id == fit(transaction_id))


def _open_on(charger_id: int, connector: int) -> ChargingSession | None:
    return _first_locked(
        ChargingSession.charger == charger_id,
        ChargingSession.connector == connector,
        ChargingSession.state == SessionState.ACTIVE,
    )


def _first_locked(*conditions: Any) -> ChargingSession | None:
    query = ChargingSession.select().where(*conditions).order_by(ChargingSession.number.desc()).limit(1)
    session: ChargingSession | None = locked(query).first()
    return session


def owner_columns(id_tag: str) -> dict[str, Any]:
    """Return the columns that name a card's owner, and the authorization that the charger gets."""
    card = _card(id_tag)
    return {
        "id_tag": fit(normal_id_tag(id_tag)),
        "card": card,
        "account": card and card.account,
        "authorization": _authorize(card, is_charging_elsewhere=card is not None and _is_charging(card)),
    }


def _card(id_tag: str) -> EvCard | None:
    query = EvCard.select(EvCard, Account).join(Account).where(EvCard.id_tag == fit(normal_id_tag(id_tag)))
    card: EvCard | None = query.first()
    return card


def _authorize(card: EvCard | None, *, is_charging_elsewhere: bool) -> Authorization:
    if card is None:
        return cards.authorize(None, None)
    return cards.authorize(
        CardStatus(card.status), AccountStatus(card.account.status), is_charging_elsewhere=is_charging_elsewhere
    )


def _is_charging(card: EvCard) -> bool:
    return (
        ChargingSession.select()
        .where(ChargingSession.account == card.account, ChargingSession.card == card)
        .where(ChargingSession.state == SessionState.ACTIVE)
        .exists()
    )


def tariff_in_force(charger_id: int, at: datetime) -> Tariff | None:
    """Return the tariff in force at the charger's site."""
    site = Charger.select(Charger.site).where(Charger.id == charger_id)
    in_force = Tariff.select().where(Tariff.site.in_(site), Tariff.valid_from_at <= at)
    newest: Tariff | None = in_force.order_by(Tariff.valid_from_at.desc(), Tariff.id.desc()).first()
    return newest


def changed_columns(session: ChargingSession) -> dict[str, Any]:
    """Return the columns that were set on the instance, for `change`."""
    return {field.name: getattr(session, field.name) for field in session.dirty_fields}


def _is_before(dated: list[Reading], session: ChargingSession) -> bool:
    """Whether readings that name no session are older than the open one."""
    return bool(dated) and dated[-1].sampled_at < session.started_at - CLOCK_TOLERANCE


def _new_readings(session: ChargingSession, dated: list[Reading]) -> list[Reading]:
    """Return the readings with values that are not stored yet. Only those up to the newest reading can be stored."""
    newest_at = session.last_reading_at
    instants = [] if newest_at is None else [r.sampled_at for r in dated if r.sampled_at <= newest_at]
    if not instants:
        return dated
    stored = {
        row.sampled_at: row
        for row in MeterReading.select().where(MeterReading.session == session, MeterReading.sampled_at.in_(instants))
    }
    return [reading for reading in dated if _adds_values(reading, stored.get(reading.sampled_at))]


def _adds_values(reading: Reading, stored: MeterReading | None) -> bool:
    """Whether a reading has values that are missing from the stored one of its instant. A final reading is complete."""
    if stored is None:
        return True
    return not stored.is_final and any(
        getattr(stored, name) is None and getattr(reading, name) is not None for name in VALUES
    )
