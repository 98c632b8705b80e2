"""Sites, a site, and its labels to print. Operators only; everyone else gets 404."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from polaris.domain import filters
from polaris.services import services
from polaris.web.security import require_operator
from polaris.web.sites import queries
from polaris.web.sites.labels import labels

blueprint = Blueprint("sites", __name__, url_prefix="/sites")


@blueprint.get("")
@login_required
def index() -> ResponseReturnValue:
    require_operator()
    page = queries.index(request.args.get("after", ""), datetime.now(UTC))
    return render_template("sites/index.html", page=page)


@blueprint.get("/<id:site_id>")
@login_required
def show(site_id: int) -> ResponseReturnValue:
    require_operator()
    page = queries.show(site_id, _after(), datetime.now(UTC))
    if page is None:
        abort(404)
    return render_template("sites/show.html", page=page)


@blueprint.get("/<id:site_id>/qr")
@login_required
def labels_sheet(site_id: int) -> ResponseReturnValue:
    """Show the labels of a site's connectors, made for paper."""
    require_operator()
    sheet = queries.sheet(site_id, _after(), datetime.now(UTC))
    if sheet is None:
        abort(404)
    site_url = services().config.site_url
    drawn = [label for charger in sheet.chargers.rows for label in labels(site_url, charger)] if site_url else []
    return render_template("sites/labels.html", sheet=sheet, labels=drawn, site_url=site_url)


def _after() -> int | None:
    return filters.number(request.args.get("after", ""))
