"""The audit log as a page and as a file. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.domain.audit_chain import Row
from polaris.lists import audit
from polaris.lists.audit import AuditFilter
from polaris.rendering import audit_words
from polaris.rendering.audit_words import actor_address, audit_action
from polaris.web import csv_export
from polaris.web.answers import listed
from polaris.web.audit import queries
from polaris.web.audit.queries import Wanted
from polaris.web.csv_export import Batch, Cell
from polaris.web.security import require_operator

HEADER = ("row", "at (UTC)", "who", "from address", "what", "action", "target", "detail", "hash")

blueprint = Blueprint("audit", __name__)


@blueprint.get("/audit")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    page = queries.page(Wanted.of(request.args))
    return listed("audit/index.html", page.wanted, page=page, actions=audit_words.choices())


@blueprint.get("/audit.csv")
@login_required
def export() -> ResponseReturnValue:
    """Send all rows that the filter of the page finds."""
    require_operator()
    wanted = AuditFilter.of(request.args, audit_words.ACTIONS)

    def read(after: int | None) -> Batch[int]:
        found = audit.page(wanted, csv_export.BATCH_ROWS, after)
        return [_cells(row) for row in found.rows], found.next_id

    return csv_export.response("audit", wanted, datetime.now(UTC), HEADER, read)


def _cells(row: Row) -> tuple[Cell, ...]:
    stranger = actor_address(row.actor)
    who, address = ("", stranger) if stranger else (row.actor, row.address)
    at = f"{row.at:%Y-%m-%d %H:%M:%S}"
    return row.id, at, who, address, audit_action(row.action), row.action, row.target, row.detail, row.hash
