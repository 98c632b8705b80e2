"""Fragments: the parts of a page that are pushed, rendered from their arguments alone.

A fragment's template gets no request, no user and no time zone, so one rendering serves the first page, every push and
every browser. A fragment has one root element, with an id. If it has a revision, the browser drops it when it shows a
newer one.
"""

from __future__ import annotations

import re

from flask import Flask, current_app
from jinja2.ext import Extension

Fragments = dict[str, str]  # by the id of their root element


class Unindent(Extension):
    """A Jinja extension that drops the indentation of templates, a fifth of the bytes of a push."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"\n[ \t]+", "\n", source)  # line numbers stay


def register(app: Flask) -> None:
    """Let the app's templates be compiled without their indentation."""
    app.jinja_env.add_extension(Unindent)


def render(template: str, **arguments: object) -> str:
    """Render a template without Flask's context, which would load the user.

    Jinja's own `render` gathers the globals of the environment one by one: its low-level parts are faster.
    """
    env = current_app.jinja_env
    loaded = env.get_template(template)
    context = env.context_class(env, {**env.globals, **arguments}, template, loaded.blocks)
    return "".join(loaded.root_render_func(context))


def in_place(fragments: Fragments) -> str:
    """Address each fragment to the element of its id, which htmx morphs: typed text and focus stay."""
    return "\n".join(
        f'<hx-partial hx-target="#{root_id}" hx-swap="outerMorph">{html}</hx-partial>'
        for root_id, html in fragments.items()
    )
