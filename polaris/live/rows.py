"""Pieces of fragments as HTML, each rendered once.

A reading never changes, a curve's axes seldom, and the same rows of the fleet are on many pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from babel import Locale
from flask import Flask
from markupsafe import Markup

from polaris.domain.fleet import FleetRow
from polaris.domain.session_page import Point
from polaris.live.curve import Axes
from polaris.live.fragments import render
from polaris.live.language import locale

MOST = 20_000  # of all the sessions that are being watched
MOST_OF_FLEET = 4_000
MOST_AXES = 2_000


def register(app: Flask) -> None:
    app.add_template_filter(reading_rows)
    app.add_template_filter(curve_axes)
    app.add_template_filter(fleet_row)


def reading_rows(points: Iterable[Point]) -> Markup:
    """The rows of a table of readings."""
    language = locale()
    return Markup("".join([_row(point, language) for point in points]))  # noqa: S704 - each is Markup


@lru_cache(maxsize=MOST)
def _row(point: Point, _language: Locale | str) -> Markup:
    return Markup(render("sessions/_reading_row.html", point=point))  # noqa: S704 - the template escapes


def curve_axes(axes: Axes) -> Markup:
    """The ticks and units beside a curve."""
    return _axes(axes, locale())


@lru_cache(maxsize=MOST_AXES)
def _axes(axes: Axes, _language: Locale | str) -> Markup:
    return Markup(render("sessions/_curve_axes.html", axes=axes))  # noqa: S704 - the template escapes


def fleet_row(row: FleetRow) -> Markup:
    """The fragment of a connector of the fleet."""
    return _fleet_row(row, locale())


@lru_cache(maxsize=MOST_OF_FLEET)
def _fleet_row(row: FleetRow, _language: Locale | str) -> Markup:
    return Markup(render("fleet/_row.html", row=row))  # noqa: S704 - the template escapes
