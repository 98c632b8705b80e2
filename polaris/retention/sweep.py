"""The sweep: delete what is older than its age, in small transactions with pauses between them.

One runs at a time, in any process. It keeps no place: what is old is found by indexes, so an interrupted sweep is
gone on with by the next.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from polaris.config import Config
from polaris.models import blocking, database, to_microseconds
from polaris.retention.ages import AGES, Age
from polaris.retention.sessions import MAX_ROWS, sweep_sessions

MIN_PAUSE_S = 0.01
PAUSE_FACTOR = 4  # times as long as the transaction before, so that other writers have four fifths of the time
LOCK = 0x73776565  # PostgreSQL's advisory lock of the one sweep

Wait = Callable[[float], bool | None]  # waits some seconds; True if the sweep shall stop


@dataclass(slots=True)
class Swept:
    """What a sweep has done."""

    rows: Counter[str] = field(default_factory=Counter)  # deleted, by table; and the sessions that became final
    longest_s: float = 0.0  # of its transactions
    took_s: float = 0.0
    is_complete: bool = False

    def __str__(self) -> str:
        done = ", ".join(f"{count:,} of {table}" for table, count in sorted(self.rows.items())) or "nothing"
        rest = "" if self.is_complete else "; it was stopped, and the next goes on"
        return f"Swept {done}, in {self.took_s:.1f} s, at most {self.longest_s * 1000:.0f} ms at a time{rest}"


@blocking
def sweep(config: Config, now: datetime, wait: Wait = time.sleep) -> Swept | None:
    """Delete what is old; return what was done, or None if another sweep is running."""
    with _alone() as is_alone:
        if not is_alone:
            return None
        swept, began = Swept(), time.monotonic()
        swept.is_complete = _run(_steps(config, now, swept.rows), wait, swept)
        swept.took_s = time.monotonic() - began
        return swept


def _run(steps: Iterator[None], wait: Wait, swept: Swept) -> bool:
    """Do one step after another, with pauses; return whether all were done."""
    while True:
        began = time.monotonic()
        if next(steps, StopIteration) is StopIteration:
            return True
        took_s = time.monotonic() - began
        swept.longest_s = max(swept.longest_s, took_s)
        if wait(max(MIN_PAUSE_S, PAUSE_FACTOR * took_s)):
            return False


def _steps(config: Config, now: datetime, rows: Counter[str]) -> Iterator[None]:
    """Yield after each transaction."""
    for age in AGES.values():
        days = age.days if isinstance(age.days, int) else getattr(config, age.days)
        yield from _delete(age, now - timedelta(days=days), rows)
    yield from sweep_sessions(now - timedelta(days=config.readings_days), now, rows)


def _delete(age: Age, until: datetime, rows: Counter[str]) -> Iterator[None]:
    """Delete rows of a table by their age, the oldest first."""
    table, key, column = age.of.model._meta.table_name, age.key.column_name, age.of.column_name
    is_old = f"{column} < {database.param} AND NOT ({age.unless})"
    oldest = f"SELECT {key} FROM {table} WHERE {is_old} ORDER BY {column} LIMIT {MAX_ROWS}"  # noqa: S608 - names of ours
    sql = f"DELETE FROM {table} WHERE {key} IN ({oldest}) AND {is_old}"  # noqa: S608 - twice: one may be seen again
    deleted = MAX_ROWS
    while deleted == MAX_ROWS:
        with database.atomic():
            deleted = database.execute_sql(sql, [to_microseconds(until)] * 2).rowcount
        rows.update({table: deleted} if deleted else {})
        yield


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold the lock of the one sweep; yield whether it was free. It ends with the process or its connection."""
    if not database.obj.for_update:
        with Path(f"{database.obj.database}-sweep").open("w") as file:
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
