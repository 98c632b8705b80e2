"""Chargers that need a person: faults, chargers that are offline for long, failing stops, and wrong clocks."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from peewee import SQL, fn

from polaris.attention.item import Action, Item, Search, ask, look, times_level, verb
from polaris.domain import stop_request
from polaris.domain.absences import Absences, Connection, absences
from polaris.domain.behaviour import PERIOD
from polaris.domain.clock import off_text
from polaris.domain.connectors import NO_ERROR
from polaris.domain.enums import ChargerStatus, ConnectorStatus, StopState
from polaris.domain.sentences import N_, Sentence, say
from polaris.domain.stop_request import StopProgress
from polaris.ingest.behaviour_rows import CONNECTIONS
from polaris.models import Bridge, Charger, ChargingSession, Connector, StopRequest

FAULT, OFFLINE, STOPS, CLOCK = "fault", "offline", "stops", "clock"

OFFLINE_AFTER = timedelta(hours=1)  # a shorter outage of a site's network mostly ends by itself
MAX_USUAL = timedelta(days=1)  # whatever the charger is like
MAX_HABITS = 100  # chargers whose habits are looked at; if more are offline, it is no habit of theirs
OFFLINE_FOR = timedelta(days=30)  # longer: it is out of use, and somebody knows
OFFLINE_LEVELS = (timedelta(days=1), timedelta(days=7))
STOPS_WITHIN = timedelta(days=1)
MIN_FAILED_STOPS = 3
MAX_CANDIDATES = 200  # chargers whose stops are looked at, and how many stops; without them, a bad day would be slow
MAX_STOPS = 2000

NAMED = (Charger.id, Charger.identity, Charger.name)

# Literals: SQLite uses a partial index only if the statement's text implies the index's condition.
FAULTED = SQL("(t1.status = 'Faulted' OR t1.error_code NOT IN ('', 'NoError'))")
WRONG = SQL("t1.clock_offset_s <> 0")

_STOPS: dict[StopState, str] = {
    StopState.REJECTED: N_("A stop of session %(session)s was rejected at %(at)s."),
    StopState.FAILED: N_("A stop of session %(session)s failed with an error at %(at)s."),
    StopState.OFFLINE: N_("A stop of session %(session)s found the charger offline at %(at)s."),
    StopState.TIMED_OUT: N_("A stop of session %(session)s was not answered by %(at)s."),
    StopState.UNKNOWN: N_("The connection broke at %(at)s, before a stop of session %(session)s was answered."),
    StopState.OVERDUE: N_("A stop of session %(session)s was accepted, but no end had come by %(at)s."),
}


def faults(search: Search) -> list[Item]:
    """Return the newest faults of connectors, and error codes without a fault."""
    query = (
        Connector.select(Connector, *NAMED)
        .join(Charger)
        .where(FAULTED, Charger.status != ChargerStatus.RETIRED)
        .order_by(Connector.changed_at.desc())
        .limit(search.limit)
    )
    return [_fault(row) for row in query]


def _fault(row: Connector) -> Item:
    is_faulted = row.status == ConnectorStatus.FAULTED
    return Item(
        FAULT,
        f"{row.charger.identity}/{row.number}",
        (_fault_sentence(row.status, row.error_code, row.info),),
        since=row.changed_at,
        level=2 if is_faulted else 1,
        state=row.error_code,
        actions=(_restart(row.charger.identity),),
        name=row.charger.name,
        identity=row.charger.identity,
        connector=row.number,
    )


def _restart(identity: str) -> Action:
    return ask(N_("Restart it"), identity, "reset")


def _fault_sentence(status: str, error_code: str, info: str) -> Sentence:
    if error_code in ("", NO_ERROR):
        return say("It reports %(status)s, without an error code.", status=status)
    if not info:
        return say("It reports %(status)s with the error code %(code)s.", status=status, code=error_code)
    text = N_("It reports %(status)s with the error code %(code)s: %(info)s")
    return say(text, status=status, code=error_code, info=info)


def offline(search: Search) -> list[Item]:
    """Return the chargers without a connection for longer than usual, those that went last first.

    Usual is an hour, or twice what is usual of the charger itself: some are switched off every night.
    """
    now = search.now
    expired = Bridge.select(Bridge.id).where(Bridge.lease_until_at <= now)
    last_contact_at = Charger.last_contact_at
    query = (
        Charger.select(*NAMED, last_contact_at)
        .where(Charger.status == ChargerStatus.ACTIVE)
        .where(last_contact_at.between(now - OFFLINE_FOR, now - OFFLINE_AFTER))
        .order_by(last_contact_at.desc())
        .limit(search.limit)
    )
    # Two queries, each with its index: PostgreSQL reads the whole table for both conditions in one.
    rows = [*query.where(Charger.bridge.is_null()), *query.where(Charger.bridge.in_(expired))]
    rows.sort(key=lambda row: row.last_contact_at, reverse=True)
    del rows[search.limit :]
    habits = _habits([row.id for row in rows if now - row.last_contact_at < MAX_USUAL][:MAX_HABITS], now)
    return [
        _offline(row, now, habits.get(row.id, Absences()))
        for row in rows
        if now - row.last_contact_at >= _usual(habits.get(row.id))
    ]


def _habits(charger_ids: list[int], now: datetime) -> dict[int, Absences]:
    """Return how long chargers are gone as a rule, without the absence that goes on."""
    connections: defaultdict[int, list[Connection]] = defaultdict(list)
    for row in CONNECTIONS.rows(charger_ids):
        connections[row.charger_id].append(row.to_domain())
    return {
        charger_id: absences(known, now - PERIOD, max(each.connected_at for each in known), UTC)
        for charger_id, known in connections.items()
    }


def _usual(habit: Absences | None) -> timedelta:
    """Return after how long an absence is longer than usual."""
    if habit is None or not habit.is_known:
        return OFFLINE_AFTER
    return min(MAX_USUAL, max(OFFLINE_AFTER, timedelta(seconds=2 * habit.median_s)))


def _offline(row: Charger, now: datetime, habit: Absences) -> Item:
    silence = now - row.last_contact_at
    sentences = [say("It has no connection. Its last contact was at %(at)s.", at=row.last_contact_at)]
    if habit.is_known:
        text = N_("It has been gone %(count)s times in %(days)s days, half of them for at most %(minutes)s minutes.")
        minutes = max(1, round(habit.median_s / 60))
        sentences.append(say(text, count=habit.seen, days=habit.days, minutes=minutes))
    return Item(
        OFFLINE,
        row.identity,
        tuple(sentences),
        since=row.last_contact_at,
        level=1 + sum(silence >= limit for limit in OFFLINE_LEVELS),
        actions=(
            look(N_("Its last messages"), row.identity, "messages", "frames", "list", row.identity),
            look(N_("What this charger is like"), row.identity, "behaviour", "charger", "behaviour", row.identity),
            verb(N_("Retire it"), "charger", "retire", row.identity, identity=row.identity),
        ),
        name=row.name,
        identity=row.identity,
    )


def failing_stops(search: Search) -> list[Item]:
    """Return the chargers at which the last stops have failed, three or more in a row within a day."""
    stops = _stops_of(_with_failed_stops(search), search.now)
    failed = {charger_id: _failed(rows, search.now) for charger_id, rows in stops.items()}
    many = {charger_id: rows for charger_id, rows in failed.items() if len(rows) >= MIN_FAILED_STOPS}
    chargers = Charger.select(*NAMED).where(Charger.id.in_(list(many)[: search.limit])) if many else ()
    return [_failing(charger, many[charger.id], search.now) for charger in chargers]


def _with_failed_stops(search: Search) -> list[int]:
    """Return the ids of the chargers at which stops have failed often enough lately, in a row or not."""
    latest_at = fn.MAX(StopRequest.requested_at)
    query = (
        StopRequest.select(ChargingSession.charger, latest_at)
        .join(ChargingSession)
        .where(StopRequest.requested_at > search.now - STOPS_WITHIN, StopRequest.state.in_(stop_request.FAILED))
        .group_by(ChargingSession.charger)
        .having(fn.COUNT(StopRequest.id) >= MIN_FAILED_STOPS)
        .order_by(latest_at.desc())
        .limit(MAX_CANDIDATES)
    )
    rows: Any = query.tuples()
    return [charger_id for charger_id, _ in rows]


def _stops_of(charger_ids: list[int], now: datetime) -> dict[int, list[StopRequest]]:
    """Return the stops of a day that are decided, by charger, the newest first."""
    stops: defaultdict[int, list[StopRequest]] = defaultdict(list)
    if not charger_ids:
        return stops
    query = (
        StopRequest.select(StopRequest, ChargingSession.number, ChargingSession.charger)
        .join(ChargingSession)
        .where(StopRequest.requested_at > now - STOPS_WITHIN, ChargingSession.charger.in_(charger_ids))
        .order_by(StopRequest.requested_at.desc(), StopRequest.id.desc())
        .limit(MAX_STOPS)
    )
    for row in query:
        if stop_request.effective(row.values(), now).state not in stop_request.OPEN:
            stops[row.session.charger_id].append(row)
    return stops


def _failed(rows: list[StopRequest], now: datetime) -> list[StopRequest]:
    """Return the requests that failed since the last that did not, the newest first."""
    return rows[: stop_request.failures_in_a_row([row.values() for row in rows], now)]


def _failing(charger: Charger, failed: list[StopRequest], now: datetime) -> Item:
    newest = [(row.session_id, stop_request.effective(row.values(), now)) for row in failed[:MIN_FAILED_STOPS]]
    count = say("The last %(count)s stops in a row have failed.", count=len(failed))
    return Item(
        STOPS,
        charger.identity,
        (count, *[_stop(number, stop) for number, stop in newest]),
        since=failed[-1].requested_at,
        level=len(failed),
        actions=(_restart(charger.identity),),
        name=charger.name,
        identity=charger.identity,
    )


def _stop(number: int, stop: StopProgress) -> Sentence:
    return say(_STOPS[stop.state], session=number, at=stop.decided_at)


def wrong_clocks(search: Search) -> list[Item]:
    """Return the chargers whose clocks are wrong."""
    query = (
        Charger.select(*NAMED, Charger.clock_offset_s)
        .where(WRONG, Charger.status != ChargerStatus.RETIRED)
        .order_by(SQL("+t1.id DESC"))  # without the sign, SQLite would walk over all chargers for this order
        .limit(search.limit)
    )
    return [
        Item(
            CLOCK,
            row.identity,
            (_clock(row.clock_offset_s),),
            level=times_level(abs(row.clock_offset_s) // 60),
            state="ahead" if row.clock_offset_s > 0 else "behind",
            # Its answer has our time, by which chargers set their clocks (OCPP 1.6 §4.6, 2.0.1 G02).
            actions=(ask(N_("Ask for a heartbeat"), row.identity, "trigger", "heartbeat", message="heartbeat"),),
            name=row.name,
            identity=row.identity,
        )
        for row in query
    ]


def _clock(offset_s: int) -> Sentence:
    text = N_("Its clock is %(off)s. That is added to the times that it sends.")
    if offset_s > 0:
        text = N_("Its clock is %(off)s. That is taken off the times that it sends.")
    return say(text, off=off_text(offset_s))
