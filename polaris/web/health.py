"""Health probes: /healthz answers while the process serves, /readyz if the database stores and Redis answers too."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from redis import RedisError

from polaris.services import services
from polaris.version import VERSION

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    return f"ok\nPolaris {VERSION}\n", PLAIN


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    failures = [failure for failure in (services().database.failure(), _redis_failure()) if failure]
    if failures:
        return "".join(f"{failure}\n" for failure in failures), 503, PLAIN
    return "ready\n", PLAIN


def _redis_failure() -> str:
    try:
        services().publisher.ping()
    except RedisError:
        return "redis does not answer"
    return ""
