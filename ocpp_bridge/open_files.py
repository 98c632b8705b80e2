"""The limit of open files: raised as far as it goes, and what it leaves for connections."""

from __future__ import annotations

import logging
import resource

RESERVED = 200  # for the database, Redis, the OCPP log and health checks: without them, a full bridge would stand still
MIN_FILES = 4096  # with fewer, the log says so: a depot can have more chargers, and a flood uses them up quickly

log = logging.getLogger(__name__)


def raise_limit() -> int:
    """Raise the process's soft limit of open files to the hard one; return how many connections it leaves."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    max_connections = max(1, hard - RESERVED)
    if hard < MIN_FILES:
        log.warning("At most %d files can be open, so %d chargers connected: raise `ulimit -n`", hard, max_connections)
    return max_connections
