"""Readings, the many: those of a batch are read, decided and stored together, a statement for each step.

What is out of the ordinary (no session's number, a reading that is not newer than the newest) goes the way of the few,
`sessions.metered`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from polaris.domain import session
from polaris.domain.enums import SessionState
from polaris.domain.facts import SessionMetered
from polaris.domain.limits import MAX_INT32
from polaris.domain.metering import Meter, Piece, Reading
from polaris.domain.session import Session
from polaris.ingest.facts import data_quality, meter_rows, sessions
from polaris.models import Bulk, database
from polaris.models.database import from_microseconds, to_microseconds
from polaris.pubsub import ChangeNotification, session_changed

_SELECT = (
    "SELECT number, charger_id, account_id, started_at, base_wh, before_wh, energy_wh, earlier_base_wh,"
    " earlier_before_wh, power_w, soc_percent, last_reading_at, meter_start_wh, interval_wh"
    " FROM charging_session WHERE state = 'active' AND number IN ({numbers})"
)
_DECIDED = {
    "base_wh": "bigint",
    "before_wh": "bigint",
    "energy_wh": "bigint",
    "earlier_base_wh": "bigint",
    "earlier_before_wh": "bigint",
    "power_w": "bigint",
    "soc_percent": "integer",
    "last_reading_at": "bigint",
    "last_heard_at": "bigint",
}
_ALWAYS = "revision = charging_session.revision + 1, is_awaiting_end = FALSE"
_UPDATE = Bulk.update("charging_session", _DECIDED, key="number", always=_ALWAYS)


def store(notifications: list[ChangeNotification], facts: Sequence[SessionMetered], now: datetime) -> None:
    """Store the readings of a batch, in the caller's transaction."""
    found = _sessions([fact.number for fact in facts if fact.number is not None])
    rows: list[meter_rows.RowValues] = []
    changed: list[tuple[object, ...]] = []
    for fact in facts:
        known = found.get((fact.charger_id, fact.number))
        dated = session.dated(fact.readings, fact.received_at)
        if known is None or not dated or _is_odd(known[1], dated):
            sessions.metered(notifications, fact, now)
            continue
        account_id, values = known
        number = fact.number or 0
        decision = session.meter(values, dated)
        rows += [meter_rows.values(number, row, fact.received_at) for row in decision.rows]
        found_notes = decision.notes | data_quality.of_readings(fact.readings, dated, fact.received_at)
        data_quality.add(number, found_notes, fact.received_at)
        changed.append((*_decided(decision.session), to_microseconds(fact.received_at), number))
        notifications += session_changed(number, fact.charger_id, account_id)
    meter_rows.store(rows)
    _UPDATE.execute(changed)


def _sessions(numbers: list[int]) -> dict[tuple[int, int | None], tuple[int | None, Session]]:
    """The active sessions of these numbers, by charger and number, with their owners; locked in their order."""
    numbers = [number for number in numbers if 0 < number <= MAX_INT32]
    if not numbers:
        return {}
    sql = _SELECT.format(numbers=", ".join([database.param] * len(numbers)))
    lock = " ORDER BY number FOR UPDATE" if database.obj.for_update else ""
    return {(row[1], row[0]): (row[2], _values(row)) for row in database.execute_sql(sql + lock, numbers).fetchall()}


def _values(row: Sequence[Any]) -> Session:
    started_at, base_wh, before_wh, energy_wh, earlier_base_wh, earlier_before_wh = row[3:9]
    earlier = None if earlier_base_wh is None else Piece(earlier_base_wh, earlier_before_wh)
    return Session(
        state=SessionState.ACTIVE,
        started_at=from_microseconds(started_at),
        meter=Meter(Piece(base_wh, before_wh), energy_wh, earlier),
        power_w=row[9],
        soc_percent=row[10],
        last_reading_at=None if row[11] is None else from_microseconds(row[11]),
        start_wh=row[12],
        interval_wh=row[13],
    )


def _is_odd(values: Session, dated: list[Reading]) -> bool:
    is_old = values.last_reading_at is not None and dated[0].sampled_at <= values.last_reading_at
    return is_old or any(reading.interval_wh is not None for reading in dated)


def _decided(values: Session) -> tuple[object, ...]:
    meter, earlier = values.meter, values.meter.earlier
    return (
        meter.piece.base_wh,
        meter.piece.before_wh,
        meter.energy_wh,
        earlier and earlier.base_wh,
        earlier and earlier.before_wh,
        values.power_w,
        values.soc_percent,
        values.last_reading_at and to_microseconds(values.last_reading_at),
    )
