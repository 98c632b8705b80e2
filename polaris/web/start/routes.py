"""The page of a connector, and requests to start a session there."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from msgspec.structs import replace

from polaris.domain import filters
from polaris.domain.start_request import Obstacle, StartObstacle
from polaris.rendering.fragments import in_place as partials
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.answers import in_place, is_htmx
from polaris.web.start import fragments, queries
from polaris.web.start.view import StartPage

CONFLICT, FORBIDDEN = 409, 403

blueprint = Blueprint("start", __name__, url_prefix="/start/<identity>/<connector>")


@blueprint.get("")
@login_required
def show(identity: str, connector: str) -> ResponseReturnValue:
    """Show the connector, or the session that goes on there if it is the driver's own."""
    page = _find(identity, connector)
    if page is None:
        spelling = queries.spelling(identity)
        if spelling is not None and spelling != identity:
            return redirect(url_for(".show", identity=spelling, connector=connector))
        return _not_found()
    if page.control.leads_to is not None:
        return redirect(url_for("sessions.show", number=page.control.leads_to))
    return render_template("start/show.html", page=page)


@blueprint.post("")
@login_required
def request_start(identity: str, connector: str) -> ResponseReturnValue:
    """Request a session. Account, card and connector are checked now, not when the page was rendered."""
    number = queries.parse_connector(connector)
    obstacle = services().ingest.request_start(identity, number, current_user.id, datetime.now(UTC), _card_id())
    page = _find(identity, connector)
    if page is None or (obstacle is not None and obstacle.kind is StartObstacle.NOT_FOUND):
        return _not_found()
    if obstacle is None and not is_htmx():
        return redirect(url_for(".show", identity=identity, connector=number), 303)
    page = page if obstacle is None else replace(page, control=replace(page.control, obstacle=obstacle))
    shown = partials(fragments.start(page)) if is_htmx() else render_template("start/show.html", page=page)
    return shown, _status(obstacle)


@blueprint.post("/cancel")
@login_required
def give_up(identity: str, connector: str) -> ResponseReturnValue:
    """Give up the driver's own start here. One that has become a session, or is over, stays as it is."""
    number = queries.parse_connector(connector)
    services().ingest.give_up_start(identity, number, current_user.id, datetime.now(UTC))
    page = _find(identity, connector)
    if page is None:
        return _not_found()
    if is_htmx():
        return partials(fragments.start(page))
    return redirect(url_for(".show", identity=identity, connector=number), 303)


@blueprint.get("/")
@login_required
def show_with_slash(identity: str, connector: str) -> ResponseReturnValue:
    """Lead to the connector's page from an address that was typed with a slash at its end."""
    return redirect(url_for(".show", identity=identity, connector=connector))


def _find(identity: str, connector: str) -> StartPage | None:
    number, contact = queries.parse_connector(connector), services().config.operator_contact
    return queries.page(identity, number, current_user.id, datetime.now(UTC), contact)


def _card_id() -> int | None:
    """Return the id of the chosen card, 0 for one that there cannot be, and None if there was nothing to choose."""
    chosen = request.form.get("card")
    return None if chosen is None else filters.number(chosen) or 0


def _status(obstacle: Obstacle | None) -> int:
    if obstacle is None:
        return 200
    return FORBIDDEN if obstacle.kind is StartObstacle.ACCOUNT_INACTIVE else CONFLICT


def _not_found() -> ResponseReturnValue:
    title = gettext("Charger not found")
    text = gettext("There is no charger here at which you can start. Look at the code at the bay again.")
    return in_place("errors/error.html", 404, title=title, text=text)
