"""Batch path for meter values: load the sessions, decide and store, each in one statement for all facts of a batch.

Any unusual fact (it names no active session, or has a reading older than the session's newest) falls back to the
single-row path, `session_meter.metered`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain import session as lifecycle
from polaris.domain.bound import CLOCK_SLACK_US
from polaris.domain.enums import SessionState
from polaris.domain.facts import SessionMetered
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import Reading, in_order
from polaris.domain.reading_rows import ReadingRow
from polaris.ingest.facts import data_quality, meter_rows, pricing, rebuild, session_meter
from polaris.ingest.facts.chargers import change, changed_columns
from polaris.ingest.outcomes import SentLimit
from polaris.ingest.requests import limits
from polaris.models import Bulk, ChargingSession, RowQuery
from polaris.models.session import decided_columns, to_domain
from polaris.pubsub import ChangeNotification, session_changed

SessionKey = tuple[int, int | None]  # charger and number


class _BatchSession(NamedTuple):
    """An active session's columns, unless it awaits its end, as far as readings depend on them."""

    number: int
    charger_id: int
    account_id: int | None
    started_at: datetime
    meter: str
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None
    last_reading_at: datetime | None
    next_border_at: datetime | None
    over_at: datetime | None
    limit_id: int | None

    # Equal for all active sessions, so they are not loaded.
    state, ended_at, stop_reason = SessionState.ACTIVE, None, ""  # type: ignore[misc]  # class attributes, no columns


# Of OCPP 2.x, not those whose register at the start may still come with a reading.
IS_USUAL = (
    "(meter <> '' AND (transaction_id IS NULL OR meter_start_wh >= 0"
    f" OR last_reading_at > started_at + {CLOCK_SLACK_US}))"
)
_ACTIVE = RowQuery(
    _BatchSession,
    ChargingSession,
    "SELECT {columns} FROM charging_session"  # noqa: S608 - SQL of ours
    f" WHERE state = 'active' AND NOT is_awaiting_end AND {IS_USUAL} AND number IN ({{marks}})"
    " ORDER BY number",
)
_UPDATE = Bulk.update(
    ChargingSession,
    "meter",
    "energy_wh",
    "power_w",
    "soc_percent",
    "last_reading_at",
    "last_heard_at",
    also="revision = charging_session.revision + 1",
)


def store(
    notifications: list[ChangeNotification],
    facts: Sequence[SessionMetered],
    loaded: Mapping[SessionKey, Any],
    now: datetime,
) -> dict[int, SentLimit]:
    """Store the readings of a batch, in the caller's transaction; return the limits to tell, by charger.

    `loaded` are rows of sessions that the facts name, locked, each with the columns of `_BatchSession`.
    """
    active = _active_sessions(facts, loaded)
    readings: list[tuple[int, ReadingRow]] = []
    updates: list[dict[str, Any]] = []
    noted: list[dict[str, Any]] = []
    risen: list[Any] = []
    limited: list[int] = []
    to_rebuild: list[int] = []
    usual, same_instant = [], []
    for fact in facts:
        row = active.get((fact.charger_id, fact.number))
        dated = lifecycle.dated(fact.readings, fact.received_at, row and row.started_at)
        if row is None or not dated or _is_late(row, dated[0]):
            session_meter.metered(notifications, fact, now)
            continue
        if dated[0].sampled_at == row.last_reading_at:
            same_instant += [meter_rows.key(row.number, reading) for reading in dated]
        usual.append((fact, row, dated))
    stored = meter_rows.stored(same_instant)
    for fact, row, dated in usual:
        if stored:
            dated = _unstored(row, dated, stored)  # noqa: PLW2901 - a repetition is rare
            if not dated:
                continue
        decision = lifecycle.meter(to_domain(row), dated, fact.received_at)
        readings += [(row.number, reading) for reading in decision.rows]
        if notes := decision.notes | data_quality.of_readings(fact.readings, dated, fact.received_at, row.number):
            noted += data_quality.rows(row.number, notes, fact.received_at)
        update = decided_columns(decision.session)
        update["last_heard_at"], update["number"] = fact.received_at, row.number
        updates.append(update)
        notifications += session_changed(row.number, row.charger_id, row.account_id, has_grown=True)
        if pricing.may_charge(row.over_at, row.energy_wh, decision.session.energy_wh, decision.rows):
            risen.append(row)
        if row.limit_id is not None:
            limited.append(row.number)
        if decision.needs_rebuild or pricing.is_border_passed(row, dated[-1].sampled_at):
            to_rebuild.append(row.number)
    meter_rows.store(meter_rows.values(number, reading) for number, reading in readings)
    data_quality.add_all(noted)
    _UPDATE.execute(updates)
    for row in risen:
        over_at = pricing.over_now(ChargingSession.get_by_id(row.number))
        ChargingSession.update(over_at=over_at).where(ChargingSession.number == row.number).execute()
    _rebuild(notifications, to_rebuild, now)
    return limits.weigh_all(notifications, limited, now)


def _rebuild(notifications: list[ChangeNotification], numbers: Sequence[int], now: datetime) -> None:
    for number in numbers:
        session = ChargingSession.get_by_id(number)
        if not rebuild.is_put_off(session):
            rebuild.figures(session, now)
        change(notifications, session, **changed_columns(session))


def _is_late(row: _BatchSession, first: Reading) -> bool:
    """Whether a reading comes before the newest one, as a transaction's begin does that has its instant."""
    newest_at = row.last_reading_at
    return newest_at is not None and first.sampled_at <= newest_at and in_order(first) < (newest_at, True)


def _active_sessions(facts: Sequence[SessionMetered], loaded: Mapping[SessionKey, Any]) -> dict[SessionKey, Any]:
    """Load and lock the active sessions that the facts name, by charger and number, beside those that are loaded."""
    numbers = [
        fact.number
        for fact in facts
        if fact.number is not None and 0 < fact.number <= MAX_INT32 and (fact.charger_id, fact.number) not in loaded
    ]
    found: dict[SessionKey, Any] = dict(loaded)
    found.update({(row.charger_id, row.number): row for row in _ACTIVE.rows(numbers, is_locking=True)})
    return found


def _unstored(row: _BatchSession, dated: list[Reading], stored: set[meter_rows.Key]) -> list[Reading]:
    return [reading for reading in dated if meter_rows.key(row.number, reading) not in stored]
