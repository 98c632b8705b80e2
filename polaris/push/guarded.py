"""The boundary of the hub's threads: what goes wrong in one task is logged, and ends nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from peewee import InterfaceError, OperationalError

SAY_AGAIN_S = 10.0

log = logging.getLogger(__name__)

_said_at = [-SAY_AGAIN_S]


def run(task: Callable[[], object]) -> bool:
    """Do a task; return whether it went well."""
    try:
        task()
    except (OperationalError, InterfaceError) as error:
        _say_database_is_away(str(error))
    except Exception:
        log.exception("a task of the hub failed")
    else:
        return True
    return False


def _say_database_is_away(error: str) -> None:
    """Now and then: every topic finds it out by itself."""
    if _said_at[0] + SAY_AGAIN_S < monotonic():
        _said_at[0] = monotonic()
        log.warning("the database is away, open pages are late until it is back: %s", error)
