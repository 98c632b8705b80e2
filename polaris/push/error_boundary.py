"""The error boundary of the push engine's threads: a task that fails is logged and ends nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from peewee import InterfaceError, OperationalError

# Each topic notices a database outage on its own; unlimited, one outage would log a line per topic and retry.
DATABASE_WARNING_INTERVAL_S = 10.0

log = logging.getLogger(__name__)

_last_warning_at = [-DATABASE_WARNING_INTERVAL_S]


def run(task: Callable[[], object]) -> bool:
    """Run a task; return whether it succeeded."""
    try:
        task()
    except (OperationalError, InterfaceError) as error:
        _warn_of_database(str(error))
    except Exception:
        log.exception("a task of the hub failed")
    else:
        return True
    return False


def _warn_of_database(error: str) -> None:
    if _last_warning_at[0] + DATABASE_WARNING_INTERVAL_S < monotonic():
        _last_warning_at[0] = monotonic()
        log.warning("the database is away, open pages are late until it is back: %s", error)
