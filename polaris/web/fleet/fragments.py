"""The fragments of the fleet page, and the template filters that they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from flask import Flask
from markupsafe import Markup

from polaris.rendering.filters import kw, kwh, number
from polaris.rendering.fragments import Fragments, render
from polaris.rendering.translations import locale
from polaris.web.fleet.row import FleetRow
from polaris.web.fleet.view import FleetView

MAX_ROWS = 4_000  # rendered ones that are kept; a page shows 40
MEGA = 1_000_000


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment."""
    for filter_ in (fleet_row, total_kw, total_kwh):
        app.add_template_filter(filter_)


def around(fleet: FleetView) -> Fragments:
    """Render the fragments around the list: the figures, the number of rows found, and the links to other pages."""
    return {f"fleet-{noun}": render(f"fleet/_{noun}.html", fleet=fleet) for noun in ("strip", "found", "pages")}


def filters(fleet: FleetView) -> Fragments:
    """Render the saved filters, which few changes concern."""
    return {"fleet-filters": render("fleet/_filters.html", fleet=fleet)}


def wall(fleet: FleetView) -> Fragments:
    """Render what a screen shows, as one fragment."""
    return {"fleet-wall": render("fleet/_wall.html", fleet=replace(fleet, is_wall=True))}


def listed(fleet: FleetView) -> Fragments:
    """Render the list as one fragment."""
    return {"fleet-list": render("fleet/_list.html", fleet=fleet)}


def rows(changed: Iterable[FleetRow]) -> Fragments:
    """Render rows of the list, a fragment for each."""
    return {f"connector-{row.charger_id}-{row.connector}": fleet_row(row) for row in changed}


def fleet_row(row: FleetRow) -> Markup:
    """Render a row of the list."""
    return _fleet_row(row, locale())


@lru_cache(maxsize=MAX_ROWS)
def _fleet_row(row: FleetRow, _language: str) -> Markup:
    html = render("fleet/_row.html", row=row).replace("\n", " ")  # an event repeats "data:" on each line
    return Markup(html)  # noqa: S704 - the template escapes


def total_kw(power_w: int | None) -> str | None:
    """Format a sum of power in kW. From 1 MW on it has no decimals."""
    return _total(power_w, kw)


def total_kwh(energy_wh: int | None) -> str | None:
    """Format a sum of energy in kWh. From 1 MWh on it has no decimals."""
    return _total(energy_wh, kwh)


def _total(value: int | None, format_small: Callable[[int], str]) -> str | None:
    if value is None:
        return None
    return format_small(value) if value < MEGA else number(round(value / 1000))
