"""The file with all that is kept about a person: for themselves, and for an operator whom they have asked for it."""

from __future__ import annotations

import tempfile
import threading
from datetime import UTC, datetime
from math import ceil

from flask import Response, send_file
from flask_login import current_user
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from polaris import retention
from polaris.web import security_events
from polaris.web.attempts import Allowance

EXPORTS = Allowance("export", 5, 3600)  # of an account: each reads the audit log as a whole
OPERATORS_EXPORTS = Allowance("operators_export", 30, 3600)  # of an operator, of other people's data
EXPORT_RETRY_S = 10
_EXPORTING = threading.Lock()  # in a process: without it, a few people's exports at once could fill disk and memory


def answer(email: str) -> Response:
    """Answer with all that the database has about a person, and nobody else. The audit log says who took it."""
    if not _EXPORTING.acquire(blocking=False):
        raise ServiceUnavailable(retry_after=EXPORT_RETRY_S)
    try:
        return _export(email)
    finally:
        _EXPORTING.release()


def _export(email: str) -> Response:
    allowance = EXPORTS if email == current_user.email else OPERATORS_EXPORTS
    count = security_events.attempts().add(allowance, str(current_user.id))
    if count.attempts > allowance.attempts:
        raise TooManyRequests(retry_after=ceil(count.left_s))
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
    retention.export(email, file, actor=current_user.email, now=datetime.now(UTC))
    file.seek(0)
    response = send_file(file, mimetype="application/zip", as_attachment=True, download_name="polaris-data.zip")
    response.headers["Cache-Control"] = "no-store"
    return response
