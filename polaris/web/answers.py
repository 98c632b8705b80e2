"""Responses that replace the content of a page, for browsers and htmx alike."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, make_response, render_template, request
from markupsafe import Markup

_PARTIAL = Markup('<hx-partial hx-target="#main" hx-swap="innerHTML">{}</hx-partial>')


def is_htmx() -> bool:
    return "HX-Request" in request.headers


def in_place(template: str, status: int, **context: Any) -> Response:
    """Render a page; for htmx only its `main` block, which is swapped in regardless of the request's own target."""
    if is_htmx():
        return make_response(_PARTIAL.format(Markup(_main_block(template, context))), status)  # noqa: S704 - rendered
    return make_response(render_template(template, **context), status)


def closed_link(*, leads_to_account: bool = False) -> Response:
    """Answer a link that opens nothing, or nothing any more."""
    return in_place("errors/closed_link.html", 404, leads_to_account=leads_to_account)


def _main_block(template: str, context: dict[str, Any]) -> str:
    current_app.update_template_context(context)
    page = current_app.jinja_env.get_template(template)
    return "".join(page.blocks["main"](page.new_context(context)))
