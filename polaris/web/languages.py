"""The language of a page: the account's, else what was chosen in this browser, else what the browser asks for.

The address of a page's stream names its language, so that what is pushed into a page is in the page's own.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, g, has_request_context, redirect, request
from flask.typing import ResponseReturnValue

from polaris.domain.languages import ENGLISH, NAMES
from polaris.rendering.translations import locale
from polaris.services import services
from polaris.web import headers
from polaris.web.auth import is_safe
from polaris.web.security import User, requested_path

PARAMETER = "lang"  # of a stream's address; without it, English
MAX_AGE_S = 400 * 24 * 3600  # browsers keep no cookie for longer

blueprint = Blueprint("languages", __name__)


def init_app(app: Flask) -> None:
    app.url_defaults(_name_language)
    app.context_processor(lambda: {"languages": NAMES})


def of_request() -> str:
    """Return the language of this request's page; on the command line, English."""
    if not has_request_context():
        return ENGLISH
    viewer = g.get("viewer")
    chosen = viewer.profile.language if isinstance(viewer, User) else ""  # walls and electricians' links choose none
    return chosen if chosen in NAMES else of_browser()


def of_browser() -> str:
    """Return the language that was chosen in this browser, or else that the browser asks for."""
    chosen = request.cookies.get(_cookie(), "")
    if chosen in NAMES:
        return chosen
    # In the browser's order: a match of Werkzeug's prefers a later "de" to "en-GB" before it.
    asked = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality > 0)
    return next((language for language in asked if language in NAMES), ENGLISH)


@blueprint.post("/language")
def choose() -> ResponseReturnValue:
    """Keep a language for this browser, and lead back to where it was chosen."""
    language = request.form.get("language", "")
    if language not in NAMES:
        abort(400)
    page = requested_path()
    response = redirect(page if is_safe(page) else "/", 303)
    secure = services().config.https
    response.set_cookie(_cookie(), language, MAX_AGE_S, secure=secure, httponly=True, samesite="Lax")
    return response


def _cookie() -> str:
    return headers.cookie_name("language", services().config)


def _name_language(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint.startswith("live.") and locale() != ENGLISH:
        values.setdefault(PARAMETER, locale())
