"""A charger's commissioning: its open run, what the run asks of the charger, and its reports. Operators only."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.administration import Refused
from polaris.commissioning import actions, runs
from polaris.commissioning.actions import OFFERS
from polaris.rendering.translations import gettext, said
from polaris.services import services
from polaris.web.chargers import queries as charger_queries
from polaris.web.commissioning import queries
from polaris.web.commissioning.press import NO_BUTTON, STOP, pressed
from polaris.web.security import require_operator

blueprint = Blueprint("commissioning", __name__, url_prefix="/fleet/<identity>/commission")


@blueprint.get("")
@login_required
def show(identity: str) -> ResponseReturnValue:
    charger_id = _charger_id(identity)
    now = datetime.now(UTC)
    return render_template(
        "commissioning/show.html",
        page=queries.newest(charger_id, now),
        runs=runs.runs(charger_id, now),
        offers=OFFERS,
        for_operator=True,
    )


@blueprint.get("/<id:run_id>")
@login_required
def report(identity: str, run_id: int) -> ResponseReturnValue:
    """Show the report of a run, for paper, beside the run before it."""
    page = queries.report(_charger_id(identity), run_id, datetime.now(UTC))
    if page is None:
        abort(404)
    return render_template("commissioning/report.html", page=page)


@blueprint.post("/actions")
@login_required
def ask(identity: str) -> ResponseReturnValue:
    """Ask the charger for what a step needs."""
    newest = queries.newest(_charger_id(identity), datetime.now(UTC))
    action, press, shown = pressed()
    if newest is None or newest.run is None:
        abort(404)
    if action is None:
        flash(gettext(NO_BUTTON), "bad")
        return show(identity), HTTPStatus.UNPROCESSABLE_ENTITY
    ingest, run, now = services().ingest, newest.run, datetime.now(UTC)
    try:
        if action == STOP:
            actions.stop(ingest, run, shown, account_id=current_user.id, now=now)
        else:
            actions.ask(ingest, run, action, shown=shown, press=press, actor=current_user.email, now=now)
    except Refused as refused:
        flash(said(refused.sentence), "bad")
    return redirect(url_for(".show", identity=identity), HTTPStatus.SEE_OTHER)


def _charger_id(identity: str) -> int:
    require_operator()
    return charger_queries.charger_id(identity) or abort(404)
