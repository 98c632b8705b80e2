"""The cards that a filter finds, as a file. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.lists import cards
from polaris.lists.cards import CardFilter, CardRow
from polaris.web import csv_export
from polaris.web.csv_export import Batch, Cell
from polaris.web.people.export import last_session_cells
from polaris.web.security import require_operator

HEADER = (
    "card",
    "type",
    "email",
    "state",
    "expires (UTC)",
    "last session",
    "last session began (UTC)",
    "last charger",
)

blueprint = Blueprint("cards_export", __name__)


@blueprint.get("/cards.csv")
@login_required
def export() -> ResponseReturnValue:
    """Send all cards that the filter of the page finds."""
    require_operator()
    wanted, now = CardFilter.of(request.args), datetime.now(UTC)

    def read(after: int | None) -> Batch[int]:
        rows, next_id = cards.page(wanted, csv_export.BATCH_ROWS, after, now)
        return [_cells(row) for row in rows], next_id

    return csv_export.response("cards", wanted, now, HEADER, read)


def _cells(row: CardRow) -> tuple[Cell, ...]:
    expires = csv_export.instant(row.expires_at)
    return row.token, row.type, row.email, row.state, expires, *last_session_cells(row.last_session)
