"""One bridge per SQLite database: a file lock beside it, which the kernel releases when the process dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polaris import private_file


class AlreadyRunning(Exception):
    """Another bridge holds this database."""


@contextmanager
def only_bridge(database: Path) -> Iterator[None]:
    """Hold the database for this process. Raise `AlreadyRunning` if another bridge does."""
    path = database.with_name(database.name + ".bridge.lock")
    private_file.make(path)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Another bridge is running on {database}. SQLite takes one; PostgreSQL takes any number."
            ) from None
        yield
