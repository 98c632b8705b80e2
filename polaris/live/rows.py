"""Rows of readings as HTML, each rendered once: a reading never changes, and a timeline has twenty of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask, render_template
from markupsafe import Markup

from polaris.domain.session_page import Point
from polaris.live.formats import locale

MOST = 20_000  # of all the sessions that are being watched


def register(app: Flask) -> None:
    app.add_template_filter(reading_rows)


def reading_rows(points: Iterable[Point]) -> Markup:
    """The rows of a table of readings."""
    language = str(locale())
    return Markup().join(_row(point, language) for point in points)


@lru_cache(maxsize=MOST)
def _row(point: Point, _language: str) -> Markup:
    return Markup(render_template("sessions/_reading_row.html", point=point))  # noqa: S704 - the template escapes
