"""Old sessions: each becomes final, its readings are thinned, and its events, stop requests and commands deleted.

A final session is changed by nothing that comes late: it could not be made out again from what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from peewee import fn

from polaris.domain import thinning
from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.ingest.facts import meter_rows, rebuild
from polaris.models import (
    EPOCH,
    ChargingSession,
    Command,
    MeterReading,
    RowQuery,
    SessionLimit,
    StopRequest,
    TransactionEvent,
    database,
    locked,
    to_microseconds,
)
from polaris.retention.swept import Swept

MAX_ROWS = 500  # deleted in a transaction: on SQLite no other writer gets in meanwhile
MAX_SESSIONS = 50  # made final in a transaction


class _Due(NamedTuple):
    """A session that is old enough, with how much there is of it."""

    number: int
    charger_id: int
    transaction_id: str | None
    ended_at: datetime
    revision: int
    readings: int
    events: int
    has_requests: bool


# The conditions on `is_swept` and `ended_at` are those of the index.
_DUE = RowQuery(
    _Due,
    ChargingSession,
    "SELECT {columns} FROM charging_session"  # noqa: S608 - a number of ours
    " WHERE NOT is_swept AND ended_at IS NOT NULL AND ended_at < {param}"
    " AND ended_at >= {param} AND (ended_at > {param} OR number > {param})"
    " AND last_heard_at < {param} AND state <> 'active' AND NOT needs_rebuild"
    f" ORDER BY ended_at, number LIMIT {MAX_SESSIONS}",
    readings="(SELECT COUNT(*) FROM meter_reading WHERE session_id = charging_session.number)",
    events=(
        "(SELECT COUNT(*) FROM transaction_event e WHERE e.charger_id = charging_session.charger_id"
        " AND e.transaction_id = charging_session.transaction_id)"
    ),
    has_requests=(
        "EXISTS (SELECT 1 FROM stop_request WHERE session_id = charging_session.number)"
        " OR EXISTS (SELECT 1 FROM command WHERE session_id = charging_session.number)"
        " OR limit_id IS NOT NULL"
    ),
)
_FIRST = (EPOCH, 0)


def sweep_sessions(until: datetime, now: datetime, swept: Swept) -> Iterator[None]:
    """Make the sessions final that ended before an instant. Yield after each transaction."""
    after = _FIRST
    while due := _due(until, *after):
        yield from _sweep_together([session for session in due if _is_small(session)], now, swept)
        for session in due:
            if not _is_small(session):
                yield from _sweep_alone(session, now, swept)
        after = due[-1].ended_at, due[-1].number


def _due(until: datetime, after_at: datetime, after: int) -> list[_Due]:
    until_us, after_us = to_microseconds(until), to_microseconds(after_at)
    return _DUE.rows(None, until_us, after_us, after_us, after, until_us)


def _is_small(session: _Due) -> bool:
    """Whether a session has no reading too many, and so few events that those of many make one transaction."""
    return session.readings <= MAX_CURVE_POINTS and session.events <= MAX_ROWS // MAX_SESSIONS


def _sweep_together(due: Sequence[_Due], now: datetime, swept: Swept) -> Iterator[None]:
    """Sweep sessions that have no reading too many, in one transaction."""
    if not due:
        return
    with swept.transaction():
        final = _made_final(due, now, is_swept=True)
        swept.made_final += len(final)
        swept.count(TransactionEvent, _delete_events([session for session in final if session.events]))
        _delete_requests(final, swept)
    yield


def _sweep_alone(session: _Due, now: datetime, swept: Swept) -> Iterator[None]:
    """Make a session final, then delete what it does not need, in as many transactions as it takes."""
    superfluous = sorted(_superfluous(session.number))
    with swept.transaction():
        final = _made_final([session], now)
    swept.made_final += len(final)
    yield
    if not final:
        return  # something has come for it meanwhile: the next sweep takes it
    for start in range(0, len(superfluous), MAX_ROWS):
        ids = superfluous[start : start + MAX_ROWS]
        with swept.transaction():
            swept.count(MeterReading, MeterReading.delete().where(MeterReading.id.in_(ids)).execute())
        yield
    yield from _delete_events_of(session, swept)
    with swept.transaction():
        _delete_requests([session], swept)
        ChargingSession.update(is_swept=True).where(ChargingSession.number == session.number).execute()
    yield


def _superfluous(number: int) -> frozenset[int]:
    """Return the ids of the readings that a session can do without; none if they change any figure of the others."""
    session = ChargingSession.get_by_id(number)
    stored = meter_rows.load(session)
    ids = thinning.superfluous(stored)
    if not ids:
        return ids
    max_power_w = session.values().meter.max_power_w
    whole = rebuild.rebuilt(session, max_power_w, stored)
    thinned = rebuild.rebuilt(session, max_power_w, {id_: row for id_, row in stored.items() if id_ not in ids})
    judged = tuple((id_, row) for id_, row in whole.judged if id_ not in ids)
    is_same = thinned.values.energy_wh == whole.values.energy_wh and thinned.judged == judged
    return ids if is_same else frozenset()


def _made_final(due: Sequence[_Due], now: datetime, *, is_swept: bool = False) -> list[_Due]:
    """Make those sessions final that are as they were read; return them.

    Their revision rises, so that no figure is stored that was made out from their readings meanwhile.
    """
    revisions = {session.number: session.revision for session in due}
    query = ChargingSession.select(ChargingSession.number, ChargingSession.revision, ChargingSession.state)
    stored = list(locked(query.where(ChargingSession.number.in_(list(revisions))).order_by(ChargingSession.number)))
    same = [row.number for row in stored if row.revision == revisions[row.number]]
    ChargingSession.update(
        final_at=fn.COALESCE(ChargingSession.final_at, to_microseconds(now)),
        is_swept=is_swept,
        revision=ChargingSession.revision + 1,
    ).where(ChargingSession.number.in_(same)).execute()
    return [session for session in due if session.number in set(same)]


def _delete_events(sessions: Sequence[_Due]) -> int:
    if not sessions:
        return 0
    mark = database.param
    marks = ", ".join([f"({mark}, {mark})"] * len(sessions))
    sql = f"DELETE FROM transaction_event WHERE (charger_id, transaction_id) IN (VALUES {marks})"  # noqa: S608 - marks
    keys = [value for session in sessions for value in (session.charger_id, session.transaction_id)]
    deleted: int = database.execute_sql(sql, keys).rowcount
    return deleted


def _delete_events_of(session: _Due, swept: Swept) -> Iterator[None]:
    of_session = (
        TransactionEvent.charger == session.charger_id,
        TransactionEvent.transaction_id == session.transaction_id,
    )
    deleted = MAX_ROWS if session.events else 0
    while deleted == MAX_ROWS:
        with swept.transaction():
            ids = TransactionEvent.select(TransactionEvent.id).where(*of_session).limit(MAX_ROWS)
            deleted = TransactionEvent.delete().where(TransactionEvent.id.in_(ids)).execute()
        swept.count(TransactionEvent, deleted)
        yield


def _delete_requests(sessions: Sequence[_Due], swept: Swept) -> None:
    numbers = [session.number for session in sessions if session.has_requests]
    for model in (StopRequest, SessionLimit, Command) if numbers else ():
        swept.count(model, model.delete().where(model.session.in_(numbers)).execute())
