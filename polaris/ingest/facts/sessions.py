"""Facts about sessions: started, metered, ended; each stored once, however often and in whatever order it comes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from polaris.domain import cards, session
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.enums import AccountStatus, Authorization, CardStatus, SessionState
from polaris.domain.facts import Fact, SessionEnded, SessionMetered, SessionStarted
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import Reading
from polaris.ingest.facts import data_quality, meter_rows, unmatched_ends
from polaris.ingest.facts.chargers import change
from polaris.ingest.facts.replay_cache import once
from polaris.ingest.outcomes import Ended, Started
from polaris.ingest.requests import commands, stops
from polaris.ingest.sanitize import fit, fit_json
from polaris.models import Account, Charger, ChargingSession, EvCard, MeterReading, Tariff, UnprocessableFact, locked
from polaris.pubsub import ChangeNotification

CLOCK_SLACK = timedelta(minutes=15)  # between a start that named no time, dated by our clock, and readings that do


def authorization(id_tag: str) -> Authorization:
    card = _card(id_tag)
    return _authorize(card, is_charging_elsewhere=False)


@once
def started(notifications: list[ChangeNotification], fact: SessionStarted, now: datetime) -> Started:
    """Open a session, once: a start that is repeated gets the same answer.

    A card that may not charge still gets a session: energy may follow (OCPP 1.6 errata 3.17).
    """
    start_key = _start_key(fact)
    known = ChargingSession.get_or_none(
        ChargingSession.charger == fact.charger_id, ChargingSession.start_key == start_key
    )
    if known is not None:
        return Started(known.number, Authorization(known.authorization))
    orphan = unmatched_ends.waiting(fact)
    if orphan is None:
        _supersede_open(notifications, fact)
    values = session.begin(fact.at, fact.received_at, fact.meter_start_wh)
    opened = ChargingSession(
        charger=fact.charger_id,
        connector=fact.connector,
        **owner(fact.id_tag),
        tariff=tariff(fact.charger_id, values.started_at),
        start_key=start_key,
        transaction_id=fact.transaction_id and fit(fact.transaction_id),
        start_received_at=fact.received_at,
        meter_start_wh=fact.meter_start_wh,
        last_heard_at=fact.received_at,
    )
    opened.take(values)
    opened.save(force_insert=True)
    data_quality.add(opened.number, data_quality.of_start(opened, fact.at), fact.received_at)
    change(notifications, opened, is_new=True)
    if fact.transaction_id is None:  # OCPP 2.x says itself what it began with
        commands.fulfil_start(notifications, opened, fact.received_at)
    if orphan is not None:
        _end(notifications, opened, unmatched_ends.join(orphan, opened), now, frozenset({Note.END_JOINED}))
    return Started(opened.number, Authorization(opened.authorization))


def metered(notifications: list[ChangeNotification], fact: SessionMetered, now: datetime) -> None:
    """Store readings. Those that name no session belong to the one that is open on the connector."""
    is_named = fact.number is not None or fact.transaction_id is not None
    found = _named(fact) if is_named else _open_on(fact.charger_id, fact.connector)
    dated = session.dated(fact.readings, fact.received_at)
    if found is None or (not is_named and _is_before(dated, found)):
        stray(fact, "no such session")
        return
    news = _news(found, dated)
    if news:
        energy_wh = found.energy_wh
        decision = session.meter(found.values(), news)
        meter_rows.store(meter_rows.values(found.number, row, fact.received_at) for row in decision.rows)
        found.take(decision.session)
        # A charger that freed the connector may still be asked what it measures: that alone revives nothing.
        is_silent = not is_named and decision.session.meter.energy_wh <= energy_wh
        is_awaiting_end = found.is_awaiting_end and is_silent
        kept = decision.notes | data_quality.of_readings(fact.readings, dated, fact.received_at)
        data_quality.add(found.number, kept if is_named else kept | {Note.INFERRED}, fact.received_at)
        change(notifications, found, **_decided(found), last_heard_at=fact.received_at, is_awaiting_end=is_awaiting_end)


@once
def ended(notifications: list[ChangeNotification], fact: SessionEnded, now: datetime) -> Ended:
    """Close a session with the charger's figures. Nothing in them can prevent it (OCPP 1.6 §4.10)."""
    found = _named(fact)
    if found is not None:
        _end(notifications, found, fact, now)
    elif (found := unmatched_ends.adopt(fact)) is not None:
        _end(notifications, found, fact, now, frozenset({Note.END_JOINED}))
    elif unmatched_ends.keep(fact):
        stray(fact, "no such session")
    return Ended(None if fact.id_tag is None else authorization(fact.id_tag))


def _end(
    notifications: list[ChangeNotification],
    found: ChargingSession,
    fact: SessionEnded,
    now: datetime,
    known: frozenset[Note] = frozenset(),
) -> None:
    before = found.values()
    decision = session.end(
        before,
        at=fact.at,
        received_at=fact.received_at,
        meter_stop_wh=fact.meter_stop_wh,
        reason=fit(fact.reason),
        readings=_news(found, session.dated(fact.readings, fact.received_at)),
    )
    if decision.anomaly:
        _keep_second_end(notifications, found, fact, now, decision.anomaly)
        return
    meter_rows.store(meter_rows.values(found.number, row, fact.received_at) for row in decision.rows)
    found.take(decision.session)
    whole = data_quality.of_whole(found.number, decision.session)
    data_quality.add(found.number, known | decision.notes | whole, fact.received_at)
    stops.complete_all(found.number, now)
    change(
        notifications,
        found,
        **_decided(found),
        last_heard_at=fact.received_at,
        end_received_at=fact.received_at,
        estimated_wh=before.meter.energy_wh if before.state is SessionState.ESTIMATED else None,
        is_awaiting_end=False,
    )


def _keep_second_end(
    notifications: list[ChangeNotification], found: ChargingSession, fact: SessionEnded, now: datetime, anomaly: str
) -> None:
    """The first end's figures stand. One that says something else is kept beside them, its readings as late ones."""
    final = MeterReading.get_or_none(MeterReading.session == found, MeterReading.is_final)
    if final is not None and final.register_wh == fact.meter_stop_wh:
        return
    stray(fact, anomaly)
    metered(
        notifications,
        SessionMetered(
            charger_id=fact.charger_id,
            received_at=fact.received_at,
            connector=found.connector,
            number=found.number,
            transaction_id=found.transaction_id,
            readings=fact.readings,
        ),
        now,
    )


def stray(fact: Fact, reason: str) -> None:
    """Keep a fact that cannot be applied, whole."""
    number = getattr(fact, "number", None)
    UnprocessableFact.create(
        charger=fact.charger_id,
        name=type(fact).name,  # type: ignore[attr-defined]  # every fact's class has one
        number=number if number is not None and -MAX_INT32 - 1 <= number <= MAX_INT32 else None,
        reason=fit(reason),
        payload=fit_json(fact.raw),
        received_at=fact.received_at,
    )


def _supersede_open(notifications: list[ChangeNotification], fact: SessionStarted) -> None:
    """The charger began another session on the connector: the one still open there has ended without its reading."""
    while (found := _open_on(fact.charger_id, fact.connector)) is not None and not _is_older(fact, found):
        found.take(session.supersede(found.values(), received_at=fact.received_at).session)
        stops.complete_all(found.number, fact.received_at)
        change(notifications, found, **_decided(found))


def _is_older(fact: SessionStarted, found: ChargingSession) -> bool:
    """Whether a transaction (2.x) that is told of late began before this session, or on no connector that is known."""
    if fact.transaction_id is None:
        return False
    return fact.connector == 0 or session.believable(fact.at, fact.received_at) < found.started_at


def _start_key(fact: SessionStarted) -> str:
    if fact.transaction_id is not None:
        return fit(f"transaction|{fact.transaction_id}")
    return fit(f"{fact.connector}|{normal_id_tag(fact.id_tag)}|{fact.at and fact.at.isoformat()}|{fact.meter_start_wh}")


def _named(fact: SessionMetered | SessionEnded) -> ChargingSession | None:
    """The charger's session of that name: another charger's is nobody's."""
    if fact.transaction_id is not None:
        return of_transaction(fact.charger_id, fact.transaction_id)
    if fact.number is None or not 0 < fact.number <= MAX_INT32:
        return None
    return _one(ChargingSession.charger == fact.charger_id, ChargingSession.number == fact.number)


def of_transaction(charger_id: int, transaction_id: str) -> ChargingSession | None:
    """The charger's session of that transaction, its row locked."""
    return _one(ChargingSession.charger == charger_id, ChargingSession.transaction_id == fit(transaction_id))


def _open_on(charger_id: int, connector: int) -> ChargingSession | None:
    return _one(
        ChargingSession.charger == charger_id,
        ChargingSession.connector == connector,
        ChargingSession.state == SessionState.ACTIVE,
    )


def _one(*conditions: Any) -> ChargingSession | None:
    query = ChargingSession.select().where(*conditions).order_by(ChargingSession.number.desc()).limit(1)
    found: ChargingSession | None = locked(query).first()
    return found


def owner(id_tag: str) -> dict[str, Any]:
    """Whose a session is that the card begins: the columns that say so, and what the charger is told."""
    card = _card(id_tag)
    return {
        "id_tag": fit(normal_id_tag(id_tag)),
        "card": card,
        "account": card and card.account,
        "authorization": _authorize(card, is_charging_elsewhere=card is not None and _is_charging(card)),
    }


def _card(id_tag: str) -> EvCard | None:
    is_it = EvCard.id_tag == fit(normal_id_tag(id_tag))
    card: EvCard | None = EvCard.select(EvCard, Account).join(Account).where(is_it).first()
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


def tariff(charger_id: int, at: datetime) -> Tariff | None:
    """The prices in force at the charger's site."""
    site = Charger.select(Charger.site).where(Charger.id == charger_id)
    in_force = Tariff.select().where(Tariff.site.in_(site), Tariff.valid_from_at <= at)
    newest: Tariff | None = in_force.order_by(Tariff.valid_from_at.desc(), Tariff.id.desc()).first()
    return newest


def _decided(found: ChargingSession) -> dict[str, Any]:
    """The columns that `ChargingSession.take` sets."""
    return {field.name: getattr(found, field.name) for field in found.dirty_fields}


def _is_before(dated: list[Reading], found: ChargingSession) -> bool:
    """Whether readings that name no session are from before the one that is open."""
    return bool(dated) and dated[-1].sampled_at < found.started_at - CLOCK_SLACK


def _news(found: ChargingSession, dated: list[Reading]) -> list[Reading]:
    """The readings that say something which is not stored yet. Only what is not newer than the newest can be."""
    newest_at = found.last_reading_at
    known_at = [] if newest_at is None else [r.sampled_at for r in dated if r.sampled_at <= newest_at]
    if not known_at:
        return dated
    stored = {
        r.sampled_at: r
        for r in MeterReading.select().where(MeterReading.session == found, MeterReading.sampled_at.in_(known_at))
    }
    return [reading for reading in dated if _is_news(reading, stored.get(reading.sampled_at))]


def _is_news(reading: Reading, stored: MeterReading | None) -> bool:
    """What was said first of an instant stands; what it left out can be added. Nothing is added to a final reading."""
    if stored is None:
        return True
    said = (reading.register_wh, reading.power_w, reading.soc_percent, reading.interval_wh)
    kept = (stored.register_wh, stored.power_w, stored.soc_percent, stored.interval_wh)
    return not stored.is_final and any(old is None and new is not None for new, old in zip(said, kept, strict=True))
