"""The locale of a rendering, and texts in it. A fragment asks for both dozens of times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import Flask
from flask_babel import get_locale, get_translations
from markupsafe import Markup

MAX_TEXTS = 10_000  # cached

_pinned: ContextVar[str | None] = ContextVar("locale", default=None)


def register(app: Flask) -> None:
    """Give the templates `_`, `ngettext` and `get_locale`."""
    env: Any = app.jinja_env
    env.install_gettext_callables(gettext, _ngettext, newstyle=True)
    app.add_template_global(_markup, "_")  # Jinja's own wrapper would add two calls
    app.add_template_global(get_locale)


def locale() -> str:
    """Return the name of this rendering's locale, by which formatted values are cached."""
    return _pinned.get() or str(get_locale() or "en")


@contextmanager
def looked_up_once() -> Iterator[None]:
    """Keep the locale for all renderings in this block, without asking Flask-Babel for each text."""
    token = _pinned.set(locale())
    try:
        yield
    finally:
        _pinned.reset(token)


def gettext(text: str, **values: object) -> str:
    """Translate a text of the product."""
    translated = str(_translated(text, locale()))
    return translated % values if values else translated


def _markup(text: str, **values: object) -> Markup:
    """Translate a text of a template. Values in it are escaped."""
    translated = _translated(text, locale())
    return translated % values if values else translated


def ngettext(singular: str, plural: str, number: int, **values: object) -> str:
    """Translate a text of the product that counts something."""
    return _ngettext(singular, plural, number) % ({"num": number} | values)


def _ngettext(singular: str, plural: str, number: int) -> str:
    return str(get_translations().ungettext(singular, plural, number))


@lru_cache(maxsize=MAX_TEXTS)
def _translated(text: str, _locale: str) -> Markup:
    return Markup(get_translations().ugettext(text))  # noqa: S704 - the product's own text
