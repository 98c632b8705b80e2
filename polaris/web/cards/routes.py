"""The page of cards. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.web.cards import queries
from polaris.web.cards.rows import Wanted
from polaris.web.security import require_operator

blueprint = Blueprint("cards", __name__, url_prefix="/cards")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    return render_template("cards/index.html", page=queries.page(Wanted.of(request.args), datetime.now(UTC)))
