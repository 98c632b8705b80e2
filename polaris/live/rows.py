"""Rows as HTML, each rendered once: a reading never changes, and the same rows of the fleet are on many pages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask, render_template
from markupsafe import Markup

from polaris.domain.fleet import FleetRow
from polaris.domain.session_page import Point
from polaris.live.formats import locale
from polaris.live.fragments import render

MOST = 20_000  # of all the sessions that are being watched
MOST_OF_FLEET = 4_000


def register(app: Flask) -> None:
    app.add_template_filter(reading_rows)
    app.add_template_filter(fleet_row)


def reading_rows(points: Iterable[Point]) -> Markup:
    """The rows of a table of readings."""
    language = str(locale())
    return Markup().join(_row(point, language) for point in points)


@lru_cache(maxsize=MOST)
def _row(point: Point, _language: str) -> Markup:
    return Markup(render_template("sessions/_reading_row.html", point=point))  # noqa: S704 - the template escapes


def fleet_row(row: FleetRow) -> Markup:
    """The fragment of a connector of the fleet."""
    return _fleet_row(row, str(locale()))


@lru_cache(maxsize=MOST_OF_FLEET)
def _fleet_row(row: FleetRow, _language: str) -> Markup:
    return Markup(render("fleet/_row.html", row=row))  # noqa: S704 - the template escapes
