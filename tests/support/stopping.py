"""Owns stopping processes (SIGSTOP) so that none of them stands still with SQLite's lock, for which all would wait."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from polaris import models
from tests.support.wait import eventually


def stop_between_writes(pids: Sequence[int]) -> None:
    """Stop them while this process has the lock of the test's database, until every thread of theirs stands still."""
    with models.database.atomic():
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        eventually(lambda: {state for pid in pids for state in _states(pid)} == {"T"})


def _states(pid: int) -> list[str]:
    return [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
