"""Disclosures about security: browsers' reports of violated policies come in, and security.txt goes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from polaris.services import services
from polaris.web import headers, security_events
from polaris.web.security import csrf

# What is logged of a report.
FIELDS = {
    "directive": "violated-directive",
    "blocked": "blocked-uri",
    "document": "document-uri",
    "source": "source-file",
    "line": "line-number",
}
VALID_FOR = timedelta(days=180)  # RFC 9116 asks for less than a year

blueprint = Blueprint("disclosure", __name__)


@blueprint.post(headers.REPORTS_PATH)
@csrf.exempt
def take_report() -> ResponseReturnValue:
    """Log the report of a browser whose page did what the content security policy forbids."""
    try:
        report = json.loads(request.get_data())["csp-report"]
        fields = {field: str(report[name]) for field, name in FIELDS.items() if name in report}
    except (ValueError, TypeError, LookupError, RecursionError):
        abort(400)
    security_events.policy_violated(**fields)
    return "", 204


@blueprint.get("/.well-known/security.txt")
def security_txt() -> ResponseReturnValue:
    """Say whom to tell about a vulnerability (RFC 9116)."""
    contact = services().config.security_contact
    if not contact:
        abort(404)
    expires_at = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + VALID_FOR
    text = f"Contact: {contact}\nExpires: {expires_at:%Y-%m-%dT%H:%M:%SZ}\nPreferred-Languages: en\n"
    return text, {"Content-Type": "text/plain; charset=utf-8"}
