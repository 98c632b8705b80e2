"""The pages of commands to many chargers. What is done with one is a verb. Operators only; everyone else gets 404."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration import Refused
from polaris.domain import bulk
from polaris.domain.commands import interruptions, parameters
from polaris.domain.commands.catalog import KINDS
from polaris.domain.fleet_query import Query
from polaris.domain.sentences import Problem
from polaris.lists import bulks, sites
from polaris.rendering.translations import gettext, said
from polaris.services import services
from polaris.verbs import bulk as verbs
from polaris.verbs.verb import Notifications, Request
from polaris.web import auth
from polaris.web.answers import not_understood, understood
from polaris.web.bulk.topic import Shown
from polaris.web.commands import view
from polaris.web.security import require_operator

blueprint = Blueprint("bulk", __name__, url_prefix="/bulk")


@blueprint.before_request
@login_required
def _refuse_others() -> None:
    require_operator()


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Ask which command the chargers of a filter shall get, and list the newest."""
    query = _query()
    now = datetime.now(UTC)
    matching = services().matching(query, now)
    titles = {kind: parameters.title(kind) for kind in bulk.KINDS}
    return render_template("bulk/index.html", query=query, count=len(matching), titles=titles, newest=bulks.newest(now))


@blueprint.route("/new/<kind>", methods=["GET", "POST"])
def new(kind: str) -> ResponseReturnValue:
    """Show the form of a command; if it was sent, make its dry run."""
    if kind not in bulk.KINDS:
        abort(404)
    query = _query()
    if request.method != "POST":
        return _form(kind, query, {}, {})
    texts = request.form.to_dict()
    command, problems = parameters.typed(kind, texts, zone=UTC, now=datetime.now(UTC))  # in several zones: no other
    if command is None:
        return _form(kind, query, texts, problems), auth.UNPROCESSABLE
    try:
        may_interrupt = "may_interrupt" in request.form
        number = verbs.dry_run(_request(), command, query, may_interrupt=may_interrupt, key=_key())
    except Refused as refused:
        return _form(kind, query, texts, {"": refused.sentence}), auth.UNPROCESSABLE
    return redirect(url_for(".show", number=number), 303)


@blueprint.get("/<id:number>")
def show(number: int) -> ResponseReturnValue:
    """Show how far a command is, and what became of each charger."""
    shown = understood(Shown.of(request.args))
    page = bulks.page(number, datetime.now(UTC), shown.fate, shown.after)
    if page is None:
        abort(404)
    return render_template("bulk/show.html", page=page, key=secrets.token_urlsafe(24))


@blueprint.post("/<id:number>/again")
def again(number: int) -> ResponseReturnValue:
    """Make a dry run for the chargers on which a command failed."""
    try:
        return redirect(url_for(".show", number=verbs.again(_request(), number, key=_key())), 303)
    except Refused as refused:
        flash(said(refused.sentence), "warn")
        return redirect(url_for(".show", number=number), 303)


def _query() -> Query:
    """Return the filter of the address. One that is not understood is refused: it must not mean the whole fleet."""
    link = {"link_url": url_for("fleet.index"), "link_text": gettext("Choose it on the fleet's page")}
    try:
        query = sites.known(Query.checked(request.args.items(multi=True)).first_page)
    except Problem as problem:
        not_understood(problem.sentence, **link)
    return query if not query.wrong else not_understood(query.sentence, **link)


def _key() -> str:
    """Return the random key of the form that was sent: sent twice, it makes one dry run."""
    return request.form.get("dry_run_key", "")[:100]


def _request() -> Request:
    return Request(services(), Notifications(), current_user.email, datetime.now(UTC))


def _form(kind: str, query: Query, texts: Mapping[str, str], problems: Mapping[str, str]) -> str:
    count = len(services().matching(query, datetime.now(UTC)))
    form = view.form(kind, texts, problems, key=secrets.token_urlsafe(24))
    return render_template(
        "bulk/form.html",
        form=form,
        query=query,
        count=count,
        is_interrupting=interruptions.is_interrupting(KINDS[kind]),
        is_checked="may_interrupt" in texts,
    )
