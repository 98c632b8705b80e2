"""The fragments of the fleet page."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask
from markupsafe import Markup

from polaris.rendering.fragments import Fragments, render
from polaris.rendering.translations import locale
from polaris.web.fleet.row import FleetRow
from polaris.web.fleet.view import FleetView

MAX_FLEET_ROWS = 4_000


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment."""
    app.add_template_filter(fleet_row)


def around(page: FleetView) -> Fragments:
    """What stands around the list: the figures, how many were found, and the ways to other pages."""
    nouns = ("strip", "found", "pages")
    return {f"fleet-{noun}": render(f"fleet/_{noun}.html", page=page) for noun in nouns}


def listed(page: FleetView) -> Fragments:
    """The list, whole."""
    return {"fleet-list": render("fleet/_list.html", page=page)}


def rows(changed: Iterable[FleetRow]) -> Fragments:
    """Rows of the list, each by itself."""
    return {f"connector-{row.charger_id}-{row.connector}": fleet_row(row) for row in changed}


def fleet_row(row: FleetRow) -> Markup:
    """The fragment of a connector of the fleet."""
    return _fleet_row(row, locale())


@lru_cache(maxsize=MAX_FLEET_ROWS)
def _fleet_row(row: FleetRow, _language: str) -> Markup:
    return Markup(render("fleet/_row.html", row=row))  # noqa: S704 - the template escapes
