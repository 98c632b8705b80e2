"""Error pages in plain words; for htmx they replace the content of the page.

The cause is logged once, here or by Flask, and never shown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from itertools import starmap
from math import ceil

from flask import Blueprint, Flask, Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from peewee import InterfaceError, OperationalError
from playhouse.pool import MaxConnectionsExceeded
from werkzeug.exceptions import HTTPException, ServiceUnavailable, TooManyRequests

from polaris.domain.enums import Role
from polaris.domain.limits import FILE_TOO_LONG
from polaris.domain.redaction import is_secret
from polaris.rendering.translations import gettext
from polaris.services import services
from polaris.web import auth, security_events
from polaris.web.answers import in_place
from polaris.web.forms import SignInForm
from polaris.web.security import ask_to_sign_in

A_MOMENT_S = 10  # up to then, a minute would be too long to wait

FOR_GUESTS = ("invitations", "electrician", "walls")  # pages of people who may have no account
KEYS = ("form_key", "request_key", "dry_run_key")  # the fields by which a form is known when it is sent again

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, _untrusted_form)
    app.register_error_handler(HTTPException, _http_error)
    for error in (OperationalError, InterfaceError, MaxConnectionsExceeded):
        app.register_error_handler(error, _database_error)


def _untrusted_form(_error: CSRFError) -> ResponseReturnValue:
    """Answer a form whose token is missing, forged or of an earlier sign-in: nothing was done; offer a fresh form."""
    is_signed_in = current_user.is_authenticated
    security_events.untrusted_form()
    if request.endpoint == "auth.sign_in":
        form = SignInForm(formdata=None, email=request.form.get("email"), next=request.form.get("next"))
        return auth.page(form, gettext("This page had been open for too long. Please sign in again.")), 400
    if not is_signed_in and request.blueprint not in FOR_GUESTS:
        return ask_to_sign_in()
    return in_place(
        "errors/error.html",
        400,
        title=gettext("Please try again"),
        text=gettext("The page was out of date, so nothing was done. Open it again and repeat what you did."),
        **_link_back(),
    )


def _link_back() -> dict[str, str]:
    """Return a link to the page that the form is on, where it has a fresh token."""
    if request.blueprint in FOR_GUESTS:
        url = url_for("electrician.show") if request.endpoint == "electrician.ask" else request.path
        return {"link_url": url, "link_text": gettext("Open it again")}
    if request.endpoint != "sessions.request_stop":
        return {}
    number = (request.view_args or {})["number"]
    return {"link_url": url_for("sessions.show", number=number), "link_text": gettext("Back to the session")}


def _http_error(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if error.response is not None or code < 400:  # a complete response, or a redirect
        return error
    if code >= 500:
        g.is_failing = True
    answer = _answer(code, *_words(error))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value  # such as Allow and Retry-After
    return answer


def on_long_file(blueprint: Blueprint, page: Callable[[str], str | None]) -> None:
    """Answer operators who send a blueprint's form a file beyond the bound of any form with that form.

    Nothing of what was sent is read, so `page` makes the form anew, with the problem at its field; None if it has none.
    """

    @blueprint.errorhandler(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    def answer(error: HTTPException) -> ResponseReturnValue:
        is_operator = current_user.is_authenticated and current_user.role is Role.OPERATOR
        shown = page(FILE_TOO_LONG) if is_operator else None
        return _http_error(error) if shown is None else (shown, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def _database_error(error: Exception) -> ResponseReturnValue:
    services().database.note(error)
    g.is_failing = True
    title, text = _words(ServiceUnavailable())
    if request.method == "POST":
        text = gettext(
            "Polaris cannot reach its data at present. Charging goes on. Whether this was stored is not known."
        )
    if services().database.is_full:
        text = gettext("Polaris cannot store anything at present, so nothing was done. Please try again later.")
    answer = _answer(503, title, text, sent=_to_send_again())
    answer.headers["Retry-After"] = "5"
    return answer


def _to_send_again() -> list[tuple[str, str]]:
    """Return the fields of a form that makes its change once, however often it is sent; none if any is secret."""
    fields = list(request.form.items(multi=True))
    is_known = any(name in KEYS and value for name, value in fields)
    return fields if is_known and not request.files and not any(starmap(_is_secret, fields)) else []


def _is_secret(name: str, value: str) -> bool:
    """Return whether a field holds a secret, by its name, or names a secret setting."""
    is_random = name in (*KEYS, "csrf_token")
    return bool(value) and not is_random and (is_secret(name) or is_secret(value))


def _answer(code: int, title: str, text: str, **more: object) -> Response:
    return in_place("errors/error.html", code, title=title, text=text, bare=g.get("is_failing", False), **more)


def _please_wait(error: HTTPException) -> str:
    wait_s = error.retry_after if isinstance(error, TooManyRequests) else None
    if isinstance(wait_s, int) and wait_s <= A_MOMENT_S:
        return gettext("Please wait a few seconds, then try again.")
    minutes = ceil(wait_s / 60) if isinstance(wait_s, int) else 10
    return gettext("Please wait %(minutes)s min, then try again.", minutes=minutes)


def _words(error: HTTPException) -> tuple[str, str]:
    code = error.code or 500
    words = {
        400: (gettext("That did not work"), gettext("The request could not be understood. Nothing was done.")),
        403: (
            gettext("Not allowed"),
            gettext("Your account is not active: it may look, but change nothing. Another operator can change that."),
        ),
        404: (gettext("Page not found"), gettext("There is no page at this address.")),
        405: (gettext("That did not work"), gettext("This address cannot be used in this way. Nothing was done.")),
        412: (gettext("Too late"), gettext("What was pressed arrived too late. Nothing was done. Please try again.")),
        413: (gettext("Too large"), gettext("More was sent than can be taken. Nothing was done.")),
        429: (gettext("Too many attempts"), _please_wait(error)),
        500: (
            gettext("Polaris could not do that"),
            gettext(
                "The fault is ours and has been noted. Look whether it was done all the same, then try once more. "
                "If this comes again, tell whoever runs Polaris."
            ),
        ),
        503: (
            gettext("Just a moment"),
            gettext("Polaris cannot reach its data at present. Charging goes on. Please try again in a moment."),
        ),
    }
    return words.get(code, words[400] if code < 500 else words[500])
