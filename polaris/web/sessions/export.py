"""The sessions that a filter finds, as a file: of all for operators, a driver's own for the driver."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.enums import Role
from polaris.lists.sessions import OwnFilter, SessionFilter
from polaris.web import csv_export
from polaris.web.sessions import listed, own

blueprint = Blueprint("session_export", __name__)


@blueprint.get("/sessions.csv")
@login_required
def export() -> ResponseReturnValue:
    now = datetime.now(UTC)
    if current_user.role is not Role.OPERATOR:
        owned = OwnFilter.of_owner(current_user.id, request.args)
        return csv_export.response(
            "sessions", owned, now, own.HEADER, lambda after: own.batch(owned, csv_export.BATCH_ROWS, after, now)
        )
    wanted = SessionFilter.of(request.args)
    return csv_export.response(
        "sessions", wanted, now, listed.HEADER, lambda after: listed.batch(wanted, csv_export.BATCH_ROWS, after, now)
    )
