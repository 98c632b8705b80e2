"""The language of a rendering, and the templates' own words in it: both are asked for dozens of times a fragment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from babel import Locale
from flask import Flask
from flask_babel import get_locale, get_translations
from markupsafe import Markup

_found: ContextVar[Locale | str | None] = ContextVar("language", default=None)


def register(app: Flask) -> None:
    """Give the templates `_` and `ngettext`. Jinja's own go through two calls to get there."""
    env: Any = app.jinja_env
    env.install_gettext_callables(
        lambda text: str(_translated(text, locale())),
        lambda one, many, number: get_translations().ungettext(one, many, number),
        newstyle=True,
    )
    app.add_template_global(_words, "_")
    app.add_template_global(get_locale)


def locale() -> Locale | str:
    """The language of this rendering."""
    return _found.get() or get_locale() or "en"


@contextmanager
def looked_up_once() -> Iterator[None]:
    """For the time of a rendering the language stays what it is."""
    token = _found.set(locale())
    try:
        yield
    finally:
        _found.reset(token)


def _words(text: str, **values: object) -> Markup:
    """A text of a template; the values in it are escaped."""
    return _translated(text, locale()) % values if values else _translated(text, locale())


@lru_cache(maxsize=10_000)
def _translated(text: str, _language: Locale | str) -> Markup:
    return Markup(get_translations().ugettext(text))  # noqa: S704 - a template's own text
