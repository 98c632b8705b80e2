"""Home, which is the address of the product: a driver's first page. Operators have the fleet in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from polaris.domain import filters
from polaris.domain.enums import Role
from polaris.services import services
from polaris.web.answers import listed
from polaris.web.first_page import home_url
from polaris.web.home import queries
from polaris.web.home.bars import Period
from polaris.web.home.view import HomeFilter
from polaris.web.sessions.listed import sites

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show Home to a driver; lead an operator to the fleet, and a visitor to the sign-in, which leads back here."""
    if not current_user.is_authenticated:
        return redirect(url_for("auth.sign_in"))
    if current_user.role is Role.OPERATOR:
        return redirect(home_url())
    now = datetime.now(UTC)
    wanted, site_id = queries.with_site(HomeFilter.of(request.args), current_user.id)
    after_id = filters.number(request.args.get("after", ""))
    return listed(
        "home/show.html",
        wanted,
        query=replace(wanted, wrong=()),  # what is shown, under the sentences about the rest
        problems=[each.sentence for each in wanted.wrong],
        periods=tuple(Period),
        home=queries.show(current_user.id, wanted.by, now),
        page=None if site_id is None else queries.chargers(site_id, after_id, wanted.by, now),
        site_id=site_id,
        after=after_id,
        sites=sites(),
        viewer=current_user.viewer,
        operator_contact=services().config.operator_contact,
    )
