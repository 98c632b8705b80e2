"""The page that compares a charger's settings. Operators only; everyone else gets 404."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from polaris.rendering.fragments import in_place
from polaris.web.comparison import fragments, queries
from polaris.web.comparison.queries import ComparisonPage, Wanted
from polaris.web.security import ask_to_sign_in, count_as_automatic, require_operator

blueprint = Blueprint("comparison", __name__, url_prefix="/fleet/<identity>/settings/compare")


@blueprint.get("")
@login_required
def show(identity: str) -> ResponseReturnValue:
    """Show the settings of a charger beside those of another, or beside a baseline, which the address names."""
    return render_template("comparison/show.html", page=_page(identity))


@blueprint.get("/rows")
def show_rows(identity: str) -> ResponseReturnValue:
    """Answer with the comparison alone, for a page that shows an older one and asks by itself."""
    count_as_automatic()
    if not current_user.is_authenticated:
        return ask_to_sign_in()
    return in_place(fragments.compared(_page(identity)))


def _page(identity: str) -> ComparisonPage:
    require_operator()
    page = queries.page(Wanted.of(identity, request.args))
    return abort(404) if page is None else page
