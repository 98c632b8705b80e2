"""The language of a rendering, and the words of pages in it: both are asked for dozens of times a fragment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import Flask
from flask_babel import get_locale, get_translations
from markupsafe import Markup

_found: ContextVar[str | None] = ContextVar("language", default=None)


def register(app: Flask) -> None:
    """Give the templates `_` and `ngettext`. Jinja's own go through two calls to get there."""
    env: Any = app.jinja_env
    env.install_gettext_callables(
        gettext,
        lambda one, many, number: get_translations().ungettext(one, many, number),
        newstyle=True,
    )
    app.add_template_global(_words, "_")
    app.add_template_global(get_locale)


def locale() -> str:
    """The language of this rendering, by its name: what is remembered is looked up by it, dozens of times a page."""
    return _found.get() or str(get_locale() or "en")


@contextmanager
def looked_up_once() -> Iterator[None]:
    """For the time of a rendering the language stays what it is."""
    token = _found.set(locale())
    try:
        yield
    finally:
        _found.reset(token)


def gettext(text: str, **values: object) -> str:
    """As Flask-Babel's own, which looks for the translations anew each time."""
    found = str(_translated(text, locale()))
    return found % values if values else found


def _words(text: str, **values: object) -> Markup:
    """A text of a template; the values in it are escaped."""
    return _translated(text, locale()) % values if values else _translated(text, locale())


@lru_cache(maxsize=10_000)
def _translated(text: str, _language: str) -> Markup:
    return Markup(get_translations().ugettext(text))  # noqa: S704 - a template's own text
