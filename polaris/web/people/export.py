"""The people whom a filter finds, as a file. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.administration import lifetimes
from polaris.lists.accounts import AccountFilter
from polaris.lists.last_sessions import LastSession
from polaris.services import services
from polaris.web import csv_export
from polaris.web.csv_export import Batch, Cell
from polaris.web.people import queries
from polaris.web.people.rows import PersonRow
from polaris.web.security import require_operator

HEADER = (
    "account",
    "email",
    "role",
    "status",
    "account since (UTC)",
    "cards",
    "devices",
    "last seen (UTC)",
    "last session",
    "last session began (UTC)",
    "last charger",
)

blueprint = Blueprint("people_export", __name__)


@blueprint.get("/people.csv")
@login_required
def export() -> ResponseReturnValue:
    """Send all accounts that the filter of the page finds."""
    require_operator()
    wanted, now, lasting = AccountFilter.of(request.args), datetime.now(UTC), lifetimes(services().config)

    def read(after: int | None) -> Batch[int]:
        rows, next_id = queries.batch(wanted, lasting, after, now)
        return [_cells(row) for row in rows], next_id

    return csv_export.response("people", wanted, now, HEADER, read)


def last_session_cells(last: LastSession | None) -> tuple[Cell, ...]:
    """Return the number of a newest session, its beginning and its charger."""
    return (None, None, None) if last is None else (last.number, csv_export.instant(last.started_at), last.charger)


def _cells(row: PersonRow) -> tuple[Cell, ...]:
    return (
        row.id,
        row.email,
        row.role,
        "erased" if row.is_erased else row.status,
        csv_export.instant(row.created_at),
        row.cards.count,
        row.devices.count,
        csv_export.instant(row.devices.last_seen_at),
        *last_session_cells(row.last_session),
    )
