"""State to HTML: renders each fragment of a page, and wraps them for htmx to put in place.

A fragment's template gets its arguments and nothing else: no request, no user, no time zone. So the same rendering
serves the first page, every push and every browser. And what mostly stays as it is, is rendered once for the values it
shows: only the revision is put into it anew, for a page is right by its newest revision.
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
    """Without Flask's own context, which would ask who the user is.

    By Jinja's low-level parts: its `render` gathers the globals of the environment one by one.
    """
    env = current_app.jinja_env
    found = env.get_template(template)
    context = env.context_class(env, {**env.globals, **arguments}, template, found.blocks)
    return "".join(found.root_render_func(context))


def in_place(fragments: Fragments) -> str:
    """The fragments as htmx takes them: each goes to the element of its id, and keeps what is typed and focused."""
    return "\n".join(
        f'<hx-partial hx-target="#{root_id}" hx-swap="outerMorph">{html}</hx-partial>'
        for root_id, html in fragments.items()
    )
