"""Fragments: the parts of a page that are pushed, rendered from their arguments alone.

A fragment's template gets no request, no user and no time zone, so one rendering serves the first page, every push and
every browser. A fragment has one root element, with an id. If it has a revision, the browser drops it when it shows a
newer one.

A fragment is its HTML, or `Deferred`: then it is rendered only if it is sent ([ADR 44](docs/adr/0044-small-pushes.md)).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping

from flask import Flask, current_app
from jinja2.ext import Extension


class Deferred:
    """A fragment that is rendered if it is sent, which it is if it shows something else than before.

    `mark` is what it shows: neither its revision, nor what its `parts` show, the fragments inside of it. If only they
    differ, they are sent in its place. A list that has `grown` since it had a certain mark is sent as what is new.
    """

    __slots__ = ("_grown", "_html", "_render", "mark", "parts")

    def __init__(
        self,
        mark: Hashable,
        render: Callable[[], str],
        parts: Mapping[str, Deferred] | None = None,
        grown: tuple[Hashable, Callable[[], str]] | None = None,
    ) -> None:
        self.mark = hash(mark)
        self.parts = parts or {}
        self._render = render
        self._html: str | None = None
        self._grown = grown

    def __str__(self) -> str:
        if self._html is None:
            self._html = self._render()
        return self._html

    def after(self, mark: int | None) -> str:
        """Return what a page needs that shows the fragment with another mark."""
        if self._grown is not None and hash(self._grown[0]) == mark:
            return self._grown[1]()
        return str(self)


Fragments = dict[str, str]  # by the id of their root element
AnyFragments = Mapping[str, str | Deferred]


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


def in_place(fragments: AnyFragments) -> str:
    """Address each fragment to the element of its id, which htmx morphs: typed text and focus stay."""
    return "\n".join(
        f'<hx-partial hx-target="#{root_id}" hx-swap="outerMorph">{html}</hx-partial>'
        for root_id, html in fragments.items()
    )
