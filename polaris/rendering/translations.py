"""The language of a rendering, and texts in it. A fragment asks for both dozens of times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from flask import Flask
from flask_babel import Babel, get_locale
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from polaris.domain.languages import ENGLISH
from polaris.domain.sentences import Sentence, plain
from polaris.translations import catalog

MAX_TEXTS = 20_000  # cached

_pinned: ContextVar[str | None] = ContextVar("locale", default=None)


def init_app(app: Flask, language_of_request: Callable[[], str]) -> None:
    """Let texts be in the language of the request, or of a block `in_language`; give the templates `_` and the like."""
    Babel(app, locale_selector=language_of_request)
    env: Any = app.jinja_env
    env.install_gettext_callables(gettext, _ngettext, newstyle=True)
    app.add_template_global(_markup, "_")  # Jinja's own wrapper would add two calls
    app.add_template_global(pgettext)
    app.add_template_global(locale)
    app.add_template_filter(said)


def locale() -> str:
    """Return the language of this rendering, by which formatted values are cached."""
    return _pinned.get() or str(get_locale() or ENGLISH)


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Render in a language, whatever the request's is, and without asking Flask-Babel for each text."""
    token = _pinned.set(language)
    try:
        yield
    finally:
        _pinned.reset(token)


def said(sentence: str) -> str:
    """Put a sentence into words. Any other text is data, such as a name, and stays as it is."""
    if not isinstance(sentence, Sentence) or not sentence:
        return sentence
    values = {name: said(value) if isinstance(value, str) else value for name, value in plain(sentence.values).items()}
    if sentence.plural:
        return ngettext(sentence.text, sentence.plural, sentence.number, **values)
    return gettext(sentence.text, **values)


def gettext(text: str, /, **values: object) -> str:
    """Translate a text of the product."""
    translated = str(_translated(text, locale()))
    return translated % values if values else translated


def _markup(text: str, /, **values: object) -> Markup:
    """Translate a text of a template. Values in it are escaped."""
    translated = _translated(text, locale())
    return translated % values if values else translated


def pgettext(context: str, text: str, /) -> Markup:
    """Translate a text whose words depend on what it is said of, such as the gender of "card"."""
    return _translated(text, locale(), context)


def lazy_gettext(text: str) -> LazyString:
    """Translate a text of a form, which is made before its language is known."""
    return LazyString(gettext, text)


def ngettext(singular: str, plural: str, number: int, /, **values: object) -> str:
    """Translate a text of the product that counts something."""
    return _ngettext(singular, plural, number) % ({"num": number} | values)


def _ngettext(singular: str, plural: str, number: int) -> str:
    return str(catalog(locale()).ungettext(singular, plural, number))


@lru_cache(maxsize=MAX_TEXTS)
def _translated(text: str, language: str, context: str = "") -> Markup:
    texts = catalog(language)
    return Markup(texts.upgettext(context, text) if context else texts.ugettext(text))  # noqa: S704 - the product's own
