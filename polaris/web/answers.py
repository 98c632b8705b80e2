"""Answers that take the place of the page's content, for browsers and for htmx alike."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, make_response, render_template, request
from markupsafe import Markup

_PARTIAL = Markup('<hx-partial hx-target="#main" hx-swap="innerHTML">{}</hx-partial>')


def is_htmx() -> bool:
    return "HX-Request" in request.headers


def in_place(template: str, status: int, **context: Any) -> Response:
    """The page `template`, or, where htmx asks, its `main` block to be swapped in whatever the request's own target."""
    if is_htmx():
        return make_response(_PARTIAL.format(Markup(_main_block(template, context))), status)  # noqa: S704 - rendered
    return make_response(render_template(template, **context), status)


def _main_block(template: str, context: dict[str, Any]) -> str:
    current_app.update_template_context(context)
    page = current_app.jinja_env.get_template(template)
    return "".join(page.blocks["main"](page.new_context(context)))
