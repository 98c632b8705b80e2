"""The sessions that a filter finds, as a file. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.lists.sessions import SessionFilter
from polaris.web import csv_export
from polaris.web.security import require_operator
from polaris.web.sessions import listed

blueprint = Blueprint("session_export", __name__)


@blueprint.get("/sessions.csv")
@login_required
def export() -> ResponseReturnValue:
    require_operator()
    wanted, now = SessionFilter.of(request.args), datetime.now(UTC)
    return csv_export.response(
        "sessions", wanted, now, listed.HEADER, lambda after: listed.batch(wanted, csv_export.BATCH_ROWS, after, now)
    )
