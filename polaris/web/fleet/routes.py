"""The fleet: every charger and connector, live. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.domain.enums import ConnectorStatus
from polaris.domain.fleet_query import Query
from polaris.rendering.fragments import in_place
from polaris.services import services
from polaris.web.answers import is_htmx
from polaris.web.fleet import fragments, topic
from polaris.web.security import require_operator

blueprint = Blueprint("fleet", __name__, url_prefix="/fleet")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    """Show the page; answer a changed filter with the fragments that it changes."""
    require_operator()
    stale_after = timedelta(seconds=services().config.stale_after_s)
    now = datetime.now(UTC)
    page = topic.page(Query.of(request.args), now, stale_after)
    if is_htmx():
        return in_place(fragments.around(page) | fragments.filters(page) | fragments.listed(page))
    return render_template("fleet/index.html", fleet=page, now=now, connector_states=tuple(ConnectorStatus))
