"""The list of people, and the page of one of them. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.administration import lifetimes
from polaris.services import services
from polaris.web.account import data
from polaris.web.answers import listed
from polaris.web.confirmation import ask_again
from polaris.web.people import queries
from polaris.web.people.rows import PersonPage, Wanted
from polaris.web.security import require_operator

blueprint = Blueprint("people", __name__, url_prefix="/people")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    page = queries.page(Wanted.of(request.args), lifetimes(services().config), datetime.now(UTC))
    return listed("people/index.html", page.wanted, page=page)


@blueprint.get("/<id:account_id>")
@login_required
def show(account_id: int) -> ResponseReturnValue:
    require_operator()
    return render_template("people/show.html", person=_person(account_id))


@blueprint.route("/<id:account_id>/export", methods=["GET", "POST"])
@login_required
def export(account_id: int) -> ResponseReturnValue:
    """Offer all that the database has about a person, and send it; to whoever has just proved to be an operator."""
    require_operator()
    person = _person(account_id)
    if person.erased_at is not None:
        abort(404)
    to_proof = ask_again()
    if to_proof is not None:
        return to_proof
    if request.method == "POST":
        return data.answer(person.email)
    return render_template("account/export.html", person=person)


def _person(account_id: int) -> PersonPage:
    person = queries.person(account_id, lifetimes(services().config), datetime.now(UTC))
    if person is None:
        abort(404)
    return person
