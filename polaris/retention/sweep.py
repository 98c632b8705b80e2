"""The sweep: delete what is older than its age, in small transactions with pauses between them.

One runs at a time, in any process. It keeps no place: what is old is found by indexes, so an interrupted sweep is
gone on with by the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from fcntl import LOCK_EX, LOCK_NB, flock

from polaris.config import Config
from polaris.models import blocking, database, to_microseconds
from polaris.retention.ages import AGES, Age
from polaris.retention.sessions import MAX_ROWS, sweep_sessions
from polaris.retention.swept import Swept

MIN_PAUSE_S = 0.01
PAUSE_FACTOR = 4  # times as long as the transaction before, so that other writers have four fifths of the time
LOCK = 0x73776565  # PostgreSQL's advisory lock of the one sweep

Wait = Callable[[float], bool | None]  # waits some seconds; True if the sweep shall stop


@blocking
def sweep(config: Config, now: datetime, wait: Wait = time.sleep) -> Swept | None:
    """Delete what is old; return what was done, or None if another sweep is running."""
    with _alone() as is_alone:
        if not is_alone:
            return None
        swept, began = Swept(), time.monotonic()
        swept.is_complete = _run(_steps(config, now, swept), wait)
        swept.took_s = time.monotonic() - began
        return swept


def _run(steps: Iterator[None], wait: Wait) -> bool:
    """Do one step after another, with pauses; return whether all were done."""
    began = time.monotonic()
    for _ in steps:
        if wait(max(MIN_PAUSE_S, PAUSE_FACTOR * (time.monotonic() - began))):
            return False
        began = time.monotonic()
    return True


def _steps(config: Config, now: datetime, swept: Swept) -> Iterator[None]:
    """Yield after each transaction."""
    for age in AGES.values():
        days = age.days if isinstance(age.days, int) else getattr(config, age.days)
        yield from _delete(age, now - timedelta(days=days), swept)
    yield from sweep_sessions(now - timedelta(days=config.readings_days), now, swept)


def _delete(age: Age, until: datetime, swept: Swept) -> Iterator[None]:
    """Delete rows of a table by their age, the oldest first."""
    table, key, column = age.of.model._meta.table_name, age.key.column_name, age.of.column_name
    is_old = f"{column} < {database.param} AND NOT ({age.unless})"
    oldest = f"SELECT {key} FROM {table} WHERE {is_old} ORDER BY {column} LIMIT {MAX_ROWS}"  # noqa: S608 - names of ours
    sql = f"DELETE FROM {table} WHERE {key} IN ({oldest}) AND {is_old}"  # noqa: S608 - twice: one may be seen again
    deleted = MAX_ROWS
    while deleted == MAX_ROWS:
        with swept.transaction():
            deleted = database.execute_sql(sql, [to_microseconds(until)] * 2).rowcount
        swept.count(age.of.model, deleted)
        yield


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold the lock of the one sweep; yield whether it was free. It ends with the process or its connection."""
    if not database.obj.for_update:
        with open(os.open(f"{database.obj.database}-sweep", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        return
    is_alone = bool(database.execute_sql("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            database.execute_sql("SELECT pg_advisory_unlock(%s)", [LOCK])
