"""Owns stopping a process (SIGSTOP) so that it holds up no other: it has neither SQLite's lock nor the turn to."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import psutil

from polaris import models
from tests.support.wait import eventually


def stop_between_writes(pids: Sequence[int]) -> None:
    """Stop processes that use the test's SQLite database, and wait until they stand still."""
    with _nobody_writes():
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        eventually(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in pids))


@contextmanager
def _nobody_writes() -> Iterator[None]:
    """Hold the lock and the turn. Who has the turn waits for the lock: then it is let have it, and asked for again."""
    while True:
        with models.database.atomic(), Path(f"{models.database.obj.database}-turn").open("a") as turn:
            try:
                flock(turn, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue
            yield
            return
