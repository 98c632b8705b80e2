"""The readings of a session's curve one by one, for the page that lets a person walk along it.

They are fetched by who looks, so that a push has the picture alone. Each comes with its words, in which the browser
writes the time in the reader's zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from flask import Blueprint, Response, abort, jsonify
from flask_login import current_user, login_required

from polaris.rendering.filters import kw, kwh
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web.security import count_as_automatic
from polaris.web.sessions import chart, queries
from polaris.web.sessions.point import Point
from polaris.web.sessions.view import SessionView

blueprint = Blueprint("curve", __name__, url_prefix="/sessions/<number>/curve")


@blueprint.get("")
@login_required
def show(number: str) -> Response:
    """Answer with the points of a curve: where each is, from 0 to 1, its instant and its words."""
    count_as_automatic()  # a page under a resting pointer asks again and again
    parsed = queries.parse_number(number)
    if not parsed or not queries.visible(parsed, current_user.id, current_user.role):
        abort(HTTPStatus.NOT_FOUND)
    stale_after = timedelta(seconds=services().config.stale_after_s)
    session = queries.session_view(parsed, datetime.now(UTC), stale_after)
    return jsonify(points=[] if session is None else _points(session))


def _points(session: SessionView) -> list[tuple[float, str, str]]:
    picture = chart.draw(session)
    if picture is None:
        return []
    width_s = picture.axes.minutes[-1] * 60
    places = (max(0.0, (point.at - session.started_at).total_seconds() / width_s) for point in session.curve)
    return [
        (round(place, 4), point.at.isoformat(), _words(point))
        for place, point in zip(places, session.curve, strict=True)
    ]


def _words(point: Point) -> str:
    """Say what a reading says. The browser puts the time in the place of {time}."""
    figures = {"time": "{time}", "kwh": kwh(point.energy_wh), "kw": kw(point.power_w)}
    if point.soc_percent is None:
        return gettext("%(time)s: %(kwh)s kWh, %(kw)s kW", **figures)
    return gettext("%(time)s: %(kwh)s kWh, %(kw)s kW, %(soc)s %%", soc=point.soc_percent, **figures)
