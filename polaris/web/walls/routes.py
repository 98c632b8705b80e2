"""The list of walls, for operators; and the page of a wall's link, on which the screen's button is pressed.

The link itself changes nothing, since what looks at links in advance (a mail scanner, a preview) would use it up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris import administration
from polaris.audit import NOT_SIGNED_IN
from polaris.web.answers import closed_link
from polaris.web.security import require_operator
from polaris.web.walls import access

blueprint = Blueprint("walls", __name__)


@blueprint.get("/walls")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    return render_template("walls/index.html", page=administration.list_walls(datetime.now(UTC)))


@blueprint.route("/wall/<token>", methods=["GET", "POST"])
def open_link(token: str) -> ResponseReturnValue:
    """Ask for a press, then let this browser show the fleet. Where somebody is signed in, nothing can be pressed."""
    now = datetime.now(UTC)
    ends_at = administration.to_open_until(token, now)
    if ends_at is None:
        return closed_link()
    if request.method != "POST" or current_user.is_authenticated:
        return render_template("walls/open.html", ends_at=ends_at)
    opened = administration.open_wall(token, actor=f"{NOT_SIGNED_IN}{request.remote_addr}", now=now)
    if opened is None:
        return closed_link()
    response = make_response(redirect(url_for("fleet.index", wall=1)))
    access.let_in(response, *opened)
    return response
