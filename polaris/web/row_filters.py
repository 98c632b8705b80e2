"""Pieces of fragments as HTML, each rendered once.

A curve's axes seldom change, and the same rows of the fleet are on many pages. Of a reading's row the form is rendered
once, and filled for each: a page shows twenty of them anew with every reading, and no two sessions have the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask
from markupsafe import Markup

from polaris.domain.fleet import FleetRow
from polaris.domain.session_page import Point
from polaris.live.curve import Axes
from polaris.live.formats import NOTHING, kw, kwh
from polaris.live.fragments import render
from polaris.live.language import locale

MOST_OF_FLEET = 4_000
MOST_AXES = 2_000


def register(app: Flask) -> None:
    app.add_template_filter(reading_rows)
    app.add_template_filter(curve_axes)
    app.add_template_filter(fleet_row)


def reading_rows(points: Iterable[Point]) -> Markup:
    """The rows of a table of readings."""
    final, other = _row_form(True, locale()), _row_form(False, locale())
    return Markup("".join([(final if point.is_final else other) % _texts(point) for point in points]))  # noqa: S704


def _texts(point: Point) -> dict[str, object]:
    """Figures alone, which need no escaping. Instants are UTC."""
    at = point.at.isoformat()
    soc = NOTHING if point.soc_percent is None else point.soc_percent
    return {"at": at[:19], "time": at[11:19], "kwh": kwh(point.energy_wh), "kw": kw(point.power_w), "soc": soc}


@lru_cache(maxsize=100)
def _row_form(is_final: bool, _language: str) -> str:
    places = {name: f"%({name})s" for name in ("at", "time", "kwh", "kw", "soc")}
    return render("sessions/_reading_row.html", is_final=is_final, **places)


def curve_axes(axes: Axes) -> Markup:
    """The ticks and units beside a curve."""
    return _axes(axes, locale())


@lru_cache(maxsize=MOST_AXES)
def _axes(axes: Axes, _language: str) -> Markup:
    return Markup(render("sessions/_curve_axes.html", axes=axes))  # noqa: S704 - the template escapes


def fleet_row(row: FleetRow) -> Markup:
    """The fragment of a connector of the fleet."""
    return _fleet_row(row, locale())


@lru_cache(maxsize=MOST_OF_FLEET)
def _fleet_row(row: FleetRow, _language: str) -> Markup:
    return Markup(render("fleet/_row.html", row=row))  # noqa: S704 - the template escapes
