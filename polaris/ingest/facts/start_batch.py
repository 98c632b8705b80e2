"""Batch path for starts, of OCPP 1.6 and 2.x: load all that they depend on and store them, each in few statements.

Any unusual start falls back to the single-row path, `session_start.started` or `transaction_events.reported`: one that
is repeated, whose connector or card is taken, or that an end or a command waits for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from polaris.domain import session as lifecycle
from polaris.domain.cards import normal_id_tag
from polaris.domain.data_quality import Note
from polaris.domain.facts import Fact, Report, SessionEnded, SessionReported, SessionStarted
from polaris.domain.instants import CLOCK_TOLERANCE
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest.facts import (
    card_rows,
    data_quality,
    event_store,
    meter_rows,
    places,
    replay_cache,
    session_cards,
    session_start,
    transaction_events,
)
from polaris.ingest.facts.card_rows import Card
from polaris.ingest.facts.places import Place
from polaris.ingest.outcomes import Started
from polaris.ingest.sanitize import fit_line
from polaris.models import Bulk, ChargingSession, RowQuery
from polaris.pubsub import ChangeNotification, session_changed


class _Stored(NamedTuple):
    charger_id: int
    start_key: str
    number: int


class _Begun(NamedTuple):
    """The session of a start, to be stored; in OCPP 2.x, with the event that began it and its readings."""

    start: SessionStarted
    event: SessionReported | None
    columns: dict[str, Any]
    readings: tuple[ReadingRow, ...]
    notes: frozenset[Note]


_STORED = RowQuery(
    _Stored,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE (charger_id, start_key) IN (VALUES {marks})",
)
_INSERT = Bulk.insert(ChargingSession)
_DEFAULTS = {field.column_name: field.default for field in ChargingSession._meta.sorted_fields}


def store(notifications: list[ChangeNotification], batch: Sequence[Fact]) -> dict[int, Started | None]:
    """Store the usual starts of a batch, in the caller's transaction; return their outcomes by charger."""
    begun = _usual(batch)
    if not begun:
        return {}
    _INSERT.execute(one.columns for one in begun)
    numbers = _numbers(one.start for one in begun)
    outcomes: dict[int, Started | None] = {}
    readings, noted, events, answered = [], [], [], []
    for start, event, columns, rows, notes in begun:
        number = numbers[_key(start)]
        started = Started(number, columns["authorization"])
        readings += [meter_rows.values(number, row) for row in rows]
        noted += data_quality.rows(number, notes, start.received_at)
        notifications += session_changed(number, start.charger_id, columns["account_id"], is_new=True)
        is_asked = event is None or event.id_tag is not None  # about a card
        outcomes[start.charger_id] = started if is_asked else None
        if event is None:
            answered.append((start, started))
        else:
            authorization = started.authorization if is_asked else ""
            events.append(event_store.values(event, event.seq_no) | {"authorization": authorization})
    meter_rows.store(readings)
    data_quality.add_all(noted)
    event_store.INSERT.execute(events)
    replay_cache.remember(answered)
    return outcomes


def _usual(batch: Sequence[Fact]) -> list[_Begun]:
    """Return the sessions to store: those of starts that nothing stands in the way of."""
    sent = [found for fact in batch if (found := _start(fact)) is not None]
    if not sent:
        return []
    starts = [start for start, _ in sent]
    repeated = {answer.charger_id for answer in replay_cache.stored(starts)}
    repeated |= {charger_id for charger_id, _ in _numbers(starts)}
    occupied = places.occupied([start.charger_id for start in starts])
    cards = card_rows.find_all([start.id_tag for start in starts])
    taken = {row.card_id for row in card_rows.going_on(cards.values())} | _named_twice(batch, cards)
    by_charger = places.of(starts)
    begun = []
    for start, event in sent:
        place, card = by_charger.get(start.charger_id), cards.get(normal_id_tag(start.id_tag))
        if place is None or not place.is_usual_for(start):
            continue
        is_taken = places.may_be_taken(start.connector, occupied.get(start.charger_id, ()))
        if start.charger_id in repeated or is_taken:
            continue
        is_usual = card is None or (card.id not in taken and not card.limit_kind)
        session = _session(start, event, place, card) if is_usual else None
        if session is not None:
            begun.append(session)
    return begun


def _start(fact: Fact) -> tuple[SessionStarted, SessionReported | None] | None:
    """Return a start and, in OCPP 2.x, the event that it is made from."""
    if isinstance(fact, SessionStarted):
        return fact, None
    if not isinstance(fact, SessionReported) or fact.report is not Report.STARTED or not fact.transaction_id:
        return None
    is_plain = fact.remote_start_id is None and not fact.is_offline
    return (transaction_events.start_of(fact), fact) if is_plain else None


def _session(start: SessionStarted, event: SessionReported | None, place: Place, card: Card | None) -> _Begun | None:
    """Return the session of a start with the readings of its event; None if something has to be judged again."""
    values = lifecycle.begin(start.at, start.received_at, start.meter_start_wh, place.bound_w(start.connector))
    if start.received_at - values.started_at > CLOCK_TOLERANCE:
        return None  # the connector may have been reported free since
    notes = session_start.start_notes(start, values, place)
    rows: tuple[ReadingRow, ...] = ()
    if event is not None and event.readings:
        dated = lifecycle.dated(event.readings, event.received_at, values.started_at)
        decision = lifecycle.meter(values, dated, event.received_at)
        if decision.needs_rebuild:
            return None
        values, rows = decision.session, decision.rows
        notes |= decision.notes | data_quality.of_readings(event.readings, dated, event.received_at)
    authorization = card_rows.authorize(card, start.received_at, is_charging_elsewhere=False)
    owner = session_cards.card_columns(start.id_tag, card, authorization)
    columns = _DEFAULTS | session_start.start_columns(start, values, place) | owner
    columns["connector_status"] = fit_line(event.status) if event is not None else ""
    return _Begun(start, event, columns, rows, notes)


def _named_twice(batch: Sequence[Fact], cards: dict[str, Card]) -> set[int]:
    """Return the cards that several facts of the batch name: whether one charges depends on their order."""
    named = [fact.id_tag for fact in batch if isinstance(fact, SessionStarted | SessionReported | SessionEnded)]
    times = Counter(normal_id_tag(id_tag) for id_tag in named if id_tag)
    return {card.id for id_tag, card in cards.items() if times[id_tag] > 1}


def _numbers(starts: Iterable[SessionStarted]) -> dict[tuple[int, str], int]:
    """Return the numbers of the sessions that are stored of these starts."""
    return {(row.charger_id, row.start_key): row.number for row in _STORED.rows(list(map(_key, starts)))}


def _key(start: SessionStarted) -> tuple[int, str]:
    return start.charger_id, session_start.start_key(start)
