"""The fleet: every charger and connector, live. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.enums import ConnectorStatus
from polaris.domain.fleet_query import Query
from polaris.lists.sites import known
from polaris.rendering.fragments import in_place
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.answers import is_htmx, listed
from polaris.web.fleet import fragments, topic
from polaris.web.security import require_operator
from polaris.web.sessions.listed import sites
from polaris.web.walls import access

blueprint = Blueprint("fleet", __name__, url_prefix="/fleet")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Show the fleet: its page, or with `?wall=1` what a screen shows, which an open wall may see without a sign-in."""
    if request.args.get("wall") != "1":
        return _fleet()
    if current_user.is_authenticated or not access.was_wall():
        return _own_wall()
    return _wall() if access.open_wall() else _ended_wall()


@login_required
def _fleet() -> ResponseReturnValue:
    """Show the page; answer a changed filter with the fragments that it changes."""
    require_operator()
    now = datetime.now(UTC)
    page = topic.page(known(Query.of(request.args)), now, _stale_after())
    if is_htmx():
        return in_place(fragments.around(page) | fragments.filters(page) | fragments.listed(page))
    choices = {"sites": sites(), "connector_states": tuple(ConnectorStatus)}
    return listed("fleet/index.html", page.query, fleet=page, now=now, **choices)


@login_required
def _own_wall() -> ResponseReturnValue:
    require_operator()
    return _wall()


def _ended_wall() -> ResponseReturnValue:
    text = gettext("An operator ended it, or its time is over. To show the fleet here again, open a new wall's link.")
    link = {"link_url": url_for("walls.index"), "link_text": gettext("Walls, for operators")}
    return render_template(
        "errors/error.html", title=gettext("This wall has ended"), text=text, **link
    ), HTTPStatus.GONE


def _wall() -> ResponseReturnValue:
    page = topic.wall(known(Query.of(request.args)).on_wall, datetime.now(UTC), _stale_after())
    return render_template("fleet/wall.html", fleet=page)


def _stale_after() -> timedelta:
    return timedelta(seconds=services().config.stale_after_s)
