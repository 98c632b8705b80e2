"""The fleet: every charger and connector, live. For operators; to anybody else there is no such page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.fleet_page import Query
from polaris.domain.words import ConnectorStatus, Role
from polaris.live import fleet, fragments
from polaris.services import services
from polaris.web.answers import is_htmx

blueprint = Blueprint("fleet", __name__, url_prefix="/fleet")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    """The page, or, where a filter was changed in it, what the filter changes."""
    if current_user.role is not Role.OPERATOR:
        abort(404)
    stale_after = timedelta(seconds=services().config.stale_after_s)
    now = datetime.now(UTC)
    page = fleet.page(Query.of(request.args), now, stale_after)
    if is_htmx():
        return fragments.in_place(fleet.around(page) | fleet.listed(page))
    return render_template("fleet/index.html", page=page, now=now, connector_states=tuple(ConnectorStatus))
