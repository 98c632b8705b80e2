"""SQLite with a fair write lock: writers wait for a second lock, the turn, so that each gets the first in the end.

SQLite polls for its own lock, less and less often, and may never find it free while another process writes without
pause. So `begin` takes the turn, retries SQLite's lock at short intervals, and only then releases the turn; a process
that has just written cannot begin again until then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from peewee import OperationalError
from playhouse.cysqlite_ext import CySqliteDatabase

LOCK_TIMEOUT_S = 10  # for SQLite's lock; a shorter one would fail requests while a large batch commits
BUSY_TIMEOUT_MS = 3  # SQLite polls after 1 and 2 ms and then ever less often: `begin` retries instead
TURN_TIMEOUT_S = 0.5  # many times a transaction; without it a suspended process would block every writer
TURN_POLL_INTERVAL_S = 0.001


class FairSqliteDatabase(CySqliteDatabase):  # type: ignore[misc]  # playhouse has no types
    """SQLite whose transactions begin in turn. The turn is advisory: after its time-out the lock alone decides."""

    sleep: Callable[[float], None] = staticmethod(time.sleep)  # the native one under gevent

    def begin(self, lock_type: str | None = None) -> None:
        try:
            with Path(f"{self.database}-turn").open("a") as turn:  # closing the file releases the turn
                self._await_turn(turn)
                self._begin(lock_type)
        except OSError as error:
            raise OperationalError(f"{error}") from error

    def _await_turn(self, turn: IO[str]) -> None:
        deadline = time.monotonic() + TURN_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                flock(turn, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                self.sleep(TURN_POLL_INTERVAL_S)
            else:
                return

    def _begin(self, lock_type: str | None) -> None:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        self.execute_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        try:
            while True:
                try:
                    super().begin(lock_type)
                except OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise
                else:
                    return
        finally:
            self.execute_sql(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_S * 1000}")
