"""Responses that replace the content of a page, for browsers and htmx alike."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from flask import Response, abort, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from polaris.domain.filters import Filter
from polaris.rendering.translations import gettext, said

AnyFilter = TypeVar("AnyFilter", bound=Filter)

_PARTIAL = Markup('<hx-partial hx-target="#main" hx-swap="innerHTML">{}</hx-partial>')


def is_htmx() -> bool:
    return "HX-Request" in request.headers


def in_place(template: str, status: int, **context: Any) -> Response:
    """Render a page; for htmx only its `main` block, which is swapped in regardless of the request's own target."""
    if is_htmx():
        return make_response(_PARTIAL.format(Markup(_main_block(template, context))), status)  # noqa: S704 - rendered
    return make_response(render_template(template, **context), status)


def listed(template: str, wanted: Filter, **context: Any) -> ResponseReturnValue:
    """Render the page of a list. A filter that is not understood is on it, with what is wrong beside each field."""
    return render_template(template, **context), HTTPStatus.UNPROCESSABLE_ENTITY if wanted.wrong else HTTPStatus.OK


def understood(wanted: AnyFilter) -> AnyFilter:
    """Return a filter if it is understood. Whoever asked for a file of what it finds is told, and gets none."""
    if wanted.wrong:
        not_understood(wanted.sentence)
    return wanted


def not_understood(sentence: str, **link: str) -> NoReturn:
    """Answer with what is wrong with a filter, and do nothing."""
    title = gettext("This filter is not understood")
    abort(in_place("errors/error.html", HTTPStatus.UNPROCESSABLE_ENTITY, title=title, text=said(sentence), **link))


class ClosedLink(StrEnum):
    """A kind of link, by which the way on differs once it opens nothing any more."""

    GIVEN = "given"  # by somebody, for a device
    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - a kind
    UNSUBSCRIBING = "unsubscribing"


def closed_link(kind: ClosedLink = ClosedLink.GIVEN) -> Response:
    """Answer a link that opens nothing, or nothing any more."""
    return in_place("errors/closed_link.html", 404, kind=kind)


def _main_block(template: str, context: dict[str, Any]) -> str:
    current_app.update_template_context(context)
    page = current_app.jinja_env.get_template(template)
    return "".join(page.blocks["main"](page.new_context(context)))
