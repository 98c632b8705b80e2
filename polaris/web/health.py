"""Health probes: /healthz answers while the process serves, /readyz if the database and Redis answer too."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint
from flask.typing import ResponseReturnValue
from peewee import PeeweeException
from playhouse.pool import MaxConnectionsExceeded
from redis import RedisError

from polaris.models import Site, blocking
from polaris.services import services
from polaris.version import VERSION

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    return f"ok\nPolaris {VERSION}\n", PLAIN


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    checks: dict[str, Callable[[], object]] = {"database": _query_database, "redis": services().publisher.ping}
    silent = [name for name, check in checks.items() if not _answers(check)]
    if silent:
        return "".join(f"{name} does not answer\n" for name in silent), 503, PLAIN
    return "ready\n", PLAIN


def _answers(check: Callable[[], object]) -> bool:
    try:
        check()
    except (PeeweeException, MaxConnectionsExceeded, RedisError):
        return False
    return True


@blocking
def _query_database() -> None:
    """Query a table: a database without tables is not ready either."""
    Site.select().exists()
