"""An electrician's page: the open run of one charger, by a link, without an account. It opens nothing else.

The link's page has a button, since what looks at links in advance would otherwise be let in. The cookie that it gives
is one that Flask-Login does not know: for every other view, such a browser is signed out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, abort, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import NotFound

from polaris.administration import Refused
from polaris.commissioning import actions, links
from polaris.commissioning.actions import OFFERS
from polaris.commissioning.links import MAX_HOURS, Link
from polaris.push.access import WALL
from polaris.push.subscribers import Browser
from polaris.rendering.translations import gettext, said
from polaris.services import services
from polaris.web.answers import closed_link
from polaris.web.commissioning import queries
from polaris.web.commissioning.fragments import RunPage
from polaris.web.commissioning.press import NO_BUTTON, STOP, pressed
from polaris.web.headers import cookie_name
from polaris.web.security import client_address

NAME = "polaris-electrician"

blueprint = Blueprint("electrician", __name__, url_prefix="/electrician")


@blueprint.errorhandler(HTTPStatus.NOT_FOUND)
def _closed(_error: NotFound) -> ResponseReturnValue:
    return closed_link()


@blueprint.route("/<token>", methods=["GET", "POST"])
def open_link(token: str) -> ResponseReturnValue:
    """Ask for a press, then let this browser follow the run."""
    link = links.link_of(token, datetime.now(UTC)) or abort(404)
    if request.method != "POST":
        return render_template("commissioning/open.html", link=link)
    config = services().config
    response = make_response(redirect(url_for(".show"), HTTPStatus.SEE_OTHER))
    response.set_cookie(
        cookie_name(NAME, config),
        token,
        max_age=MAX_HOURS * 3600,
        secure=config.https,
        httponly=True,
        samesite="Strict",
    )
    return response


@blueprint.get("")
def show() -> str:
    return render_template("commissioning/electrician.html", page=_page(_link()), offers=OFFERS, for_operator=False)


@blueprint.post("/actions")
def ask() -> ResponseReturnValue:
    """Ask the charger for what a step needs, or stop the run's session in the name of the link's maker."""
    link = _link()
    run, now = _page(link).run, datetime.now(UTC)
    action, press, shown = pressed()
    if run is None:
        abort(404)
    if action is None:
        flash(gettext(NO_BUTTON), "bad")
        return show(), HTTPStatus.UNPROCESSABLE_ENTITY
    try:
        if action == STOP:
            actions.stop(services().ingest, run, shown, account_id=link.account_id, now=now, actor=link.actor)
        else:
            actions.ask(services().ingest, run, action, shown=shown, press=press, actor=link.actor, now=now)
    except Refused as refused:
        flash(said(refused.sentence), "bad")
    return redirect(url_for(".show"), HTTPStatus.SEE_OTHER)


def open_by_cookie() -> Link | None:
    """Return the link that the request's cookie opens; the answer then names it to its page."""
    link = links.link_of(request.cookies.get(cookie_name(NAME, services().config), ""), datetime.now(UTC))
    if link is not None and not current_user.is_authenticated:
        g.viewer = link
    return link


def browser(link: Link) -> Browser:
    """Return the electrician's browser, as its stream needs to know it."""
    return Browser(client_address(), link.token_hash, WALL.account_id, WALL.viewer)


def _link() -> Link:
    return open_by_cookie() or abort(404)


def _page(link: Link) -> RunPage:
    return queries.newest(link.charger_id, datetime.now(UTC)) or abort(404)
