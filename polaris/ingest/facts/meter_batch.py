"""Batch path for meter values: load the sessions, decide and store, each in one statement for all facts of a batch.

Any unusual fact (it names no active session, or a reading is not newer than the session's newest) falls back to the
single-row path, `sessions.metered`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from polaris.domain import session as lifecycle
from polaris.domain.enums import SessionState
from polaris.domain.facts import SessionMetered
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import Reading
from polaris.ingest.facts import data_quality, meter_rows, sessions
from polaris.models import Bulk, ChargingSession, RowQuery
from polaris.models.session import decided_columns, to_domain
from polaris.pubsub import ChangeNotification, session_changed


class _BatchSession(NamedTuple):
    """An active session's columns, unless it awaits its end, as far as readings depend on them."""

    number: int
    charger_id: int
    account_id: int | None
    started_at: datetime
    meter_start_wh: int
    base_wh: int
    before_wh: int
    energy_wh: int
    earlier_base_wh: int | None
    earlier_before_wh: int | None
    interval_wh: int
    power_w: int | None
    soc_percent: int | None
    last_reading_at: datetime | None

    # Equal for all active sessions, so they are not loaded.
    state, ended_at, stop_reason = SessionState.ACTIVE, None, ""  # type: ignore[misc]  # class attributes, no columns


_ACTIVE = RowQuery(
    _BatchSession,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE state = 'active' AND NOT is_awaiting_end AND number IN ({marks})"
    " ORDER BY number",
)
_UPDATE = Bulk.update(
    ChargingSession,
    "base_wh",
    "before_wh",
    "energy_wh",
    "earlier_base_wh",
    "earlier_before_wh",
    "power_w",
    "soc_percent",
    "last_reading_at",
    "last_heard_at",
    also="revision = charging_session.revision + 1",
)


def store(notifications: list[ChangeNotification], facts: Sequence[SessionMetered], now: datetime) -> None:
    """Store the readings of a batch, in the caller's transaction."""
    active = _active_sessions(facts)
    readings: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for fact in facts:
        row = active.get((fact.charger_id, fact.number))
        dated = lifecycle.dated(fact.readings, fact.received_at)
        if row is None or not dated or _is_unusual(row, dated):
            sessions.metered(notifications, fact, now)
            continue
        decision = lifecycle.meter(to_domain(row), dated)
        readings += [meter_rows.values(row.number, reading, fact.received_at) for reading in decision.rows]
        notes = decision.notes | data_quality.of_readings(fact.readings, dated, fact.received_at)
        data_quality.add(row.number, notes, fact.received_at)
        update = decided_columns(decision.session)
        update["last_heard_at"], update["number"] = fact.received_at, row.number
        updates.append(update)
        notifications += session_changed(row.number, row.charger_id, row.account_id)
    meter_rows.store(readings)
    _UPDATE.execute(updates)


def _active_sessions(facts: Sequence[SessionMetered]) -> dict[tuple[int, int | None], _BatchSession]:
    """Load and lock the active sessions that the facts name, by charger and number."""
    numbers = [fact.number for fact in facts if fact.number is not None and 0 < fact.number <= MAX_INT32]
    return {(row.charger_id, row.number): row for row in _ACTIVE.rows(numbers, is_locking=True)}


def _is_unusual(row: _BatchSession, dated: list[Reading]) -> bool:
    is_old = row.last_reading_at is not None and dated[0].sampled_at <= row.last_reading_at
    return is_old or any(reading.interval_wh is not None for reading in dated)
