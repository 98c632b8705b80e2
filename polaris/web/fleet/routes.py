"""The fleet: every charger and connector, live. For operators; to anybody else there is no such page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.domain.enums import ConnectorStatus, Role
from polaris.rendering.fragments import in_place
from polaris.services import services
from polaris.web.answers import is_htmx
from polaris.web.fleet import fragments, topic
from polaris.web.fleet.view import Query

blueprint = Blueprint("fleet", __name__, url_prefix="/fleet")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    """The page, or, where a filter was changed in it, what the filter changes."""
    if current_user.role is not Role.OPERATOR:
        abort(404)
    stale_after = timedelta(seconds=services().config.stale_after_s)
    now = datetime.now(UTC)
    page = topic.page(Query.of(request.args), now, stale_after)
    if is_htmx():
        return in_place(fragments.around(page) | fragments.listed(page))
    return render_template("fleet/index.html", page=page, now=now, connector_states=tuple(ConnectorStatus))
