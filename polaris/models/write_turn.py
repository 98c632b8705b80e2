"""SQLite with a fair write lock: writers wait for a second lock, the turn, so that each gets the first in the end.

SQLite polls for its own lock, less and less often, and may never find it free while another process writes without
pause. So `begin` takes the turn, retries SQLite's lock at short intervals, and only then releases the turn; a process
that has just written cannot begin again until then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from typing import Any

from peewee import OperationalError
from playhouse.cysqlite_ext import CySqliteDatabase

LOCK_TIMEOUT_S = 10  # for SQLite's lock; a shorter one would fail requests while a large batch commits
BUSY_TIMEOUT_MS = 3  # SQLite polls after 1 and 2 ms and then ever less often: `begin` retries instead
TURN_TIMEOUT_S = 0.5  # many times a transaction; without it a suspended process would block every writer
TURN_POLL_INTERVAL_S = 0.001


class _Turn:
    """A file to lock, closed when its connection is, or when the thread ends that the connection belongs to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __del__(self) -> None:
        os.close(self._fd)

    def fileno(self) -> int:
        return self._fd


class FairSqliteDatabase(CySqliteDatabase):  # type: ignore[misc]  # playhouse has no types
    """SQLite whose transactions begin in turn. The turn is advisory: after its time-out the lock alone decides."""

    sleep: Callable[[float], None] = staticmethod(time.sleep)  # the native one under gevent

    def begin(self, lock_type: str | None = None) -> None:
        try:
            turn = self._turn()
            try:
                self._await_turn(turn)
                self._begin(lock_type)
            finally:
                flock(turn, LOCK_UN)
        except OSError as error:
            raise OperationalError(f"{error}") from error

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so itself, as it does when its disk is full: the cause would be hidden."""
        if not self.is_closed() and self.connection().in_transaction:
            super().rollback()

    def _turn(self) -> _Turn:
        """Return the file that this connection locks, opened with its first transaction and closed with it."""
        turn: _Turn | None = getattr(self._state, "turn", None)
        if turn is None:
            turn = self._state.turn = _Turn(
                os.open(f"{self.database}-turn", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            )
        return turn

    def _close(self, conn: Any) -> None:
        self._state.turn = None
        super()._close(conn)

    def _await_turn(self, turn: _Turn) -> None:
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
