"""The list of people, and the page of one of them. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.administration import lifetimes
from polaris.services import services
from polaris.web.people import queries
from polaris.web.people.rows import Wanted
from polaris.web.security import require_operator

blueprint = Blueprint("people", __name__, url_prefix="/people")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    page = queries.page(Wanted.of(request.args), lifetimes(services().config), datetime.now(UTC))
    return render_template("people/index.html", page=page)


@blueprint.get("/<int:account_id>")
@login_required
def show(account_id: int) -> ResponseReturnValue:
    require_operator()
    person = queries.person(account_id, lifetimes(services().config), datetime.now(UTC))
    if person is None:
        abort(404)
    return render_template("people/show.html", person=person)
