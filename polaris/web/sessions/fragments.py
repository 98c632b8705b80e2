"""The fragments of a session's page and of the list of sessions, and the template filters they use."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask
from markupsafe import Markup

from polaris.domain.viewer import Viewer
from polaris.rendering import translations
from polaris.rendering.filters import NOTHING, kw, kwh
from polaris.rendering.fragments import Fragments, render
from polaris.rendering.translations import locale
from polaris.web.sessions import chart
from polaris.web.sessions.chart import Axes
from polaris.web.sessions.view import Headline, Point, SessionRow, SessionView, StopControl

MAX_AXES = 2_000
MAX_CACHED = 10_000  # of each kind: the sessions that are being watched
_NEW = ("live", "curve", "timeline")  # with each reading
_REVISION = 'data-revision="0"'  # of what is remembered: as `Headline` and `StopControl` have it


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment."""
    app.add_template_filter(chart.draw, "curve")
    app.add_template_filter(reading_rows)
    app.add_template_filter(curve_axes)


def session(page: SessionView) -> Fragments:
    """The fragments of a session's page that everybody sees alike."""
    found = {f"session-{page.number}-header": _revised(_header(page.headline, translations.locale()), page.revision)}
    for noun in _NEW:
        found[f"session-{page.number}-{noun}"] = render(f"sessions/_{noun}.html", page=page)
    return found


def stop(page: SessionView, viewer: Viewer, operator_contact: str) -> Fragments:
    """The stop control, which differs by who looks."""
    html = _stop(page.stop_control, viewer, operator_contact, translations.locale())
    return {f"session-{page.number}-stop": _revised(html, page.revision)}


@lru_cache(maxsize=MAX_CACHED)
def _header(page: Headline, _language: str) -> str:
    return render("sessions/_header.html", page=page)


@lru_cache(maxsize=MAX_CACHED)
def _stop(page: StopControl, viewer: Viewer, operator_contact: str, _language: str) -> str:
    return render("sessions/_stop.html", page=page, viewer=viewer, operator_contact=operator_contact)


def _revised(html: str, revision: int) -> str:
    return html.replace(_REVISION, f'data-revision="{revision}"', 1)


def rows(found: Iterable[SessionRow], viewer: Viewer) -> Fragments:
    """Rows of the sessions list, each by itself."""
    return {f"session-{row.number}-row": render("sessions/_row.html", row=row, viewer=viewer) for row in found}


def session_list(found: list[SessionRow], viewer: Viewer) -> Fragments:
    """A page of the sessions list, whole."""
    return {"sessions": render("sessions/_list.html", rows=found, viewer=viewer)}


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


@lru_cache(maxsize=MAX_AXES)
def _axes(axes: Axes, _language: str) -> Markup:
    return Markup(render("sessions/_curve_axes.html", axes=axes))  # noqa: S704 - the template escapes
