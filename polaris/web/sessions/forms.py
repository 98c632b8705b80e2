"""Forms for the parts that change with each reading: templates that are rendered once, with places for the figures.

Filled in, a form takes a tenth of the time of its template. What is filled in needs no escaping, or is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from markupsafe import Markup, escape

from polaris.rendering.filters import NOTHING, clock, duration, kw, kwh, money
from polaris.rendering.fragments import render
from polaris.rendering.translations import locale
from polaris.web.sessions.chart import Curve
from polaris.web.sessions.point import Point
from polaris.web.sessions.view import SessionView

MAX_FORMS = 1000

_FIGURES = ("root", "kwh", "kw", "elapsed_s", "clock", "cost", "soc", "gauge")
_RECENT = ("root", "kwh", "duration", "kw", "energy_area", "energy_line", "power_line")
_ROW = ("at", "time", "kwh", "kw", "soc")


def figures(session: SessionView, root: Markup) -> Markup:
    """Render the figures of a running session."""
    form = _form(
        "sessions/_figures.html",
        _FIGURES,
        locale(),
        is_unjudged=session.is_unjudged,
        is_explained=session.is_explained,
        has_soc=session.soc_percent is not None,
    )
    html = form.format(
        root=root,
        kwh=kwh(session.energy_wh),
        kw=kw(session.power_w),
        elapsed_s=session.elapsed_s,
        clock=clock(session.elapsed_s),
        cost=escape(money(session.cost)),
        soc=session.soc_percent,
        gauge=session.gauge_percent,
    )
    return Markup(html)  # noqa: S704 - see above


def recent(picture: Curve, elapsed_s: int, root: Markup) -> Markup:
    """Render the newest part of a curve, with words for the whole of it."""
    lines = picture.recent
    form = _form(
        "sessions/_curve_recent.html",
        _RECENT,
        locale(),
        has_energy=picture.last_energy_wh is not None,
        has_power=picture.peak_power_w is not None,
        has_area=lines.energy_area != "",
        has_energy_line=lines.energy_line != "",
        has_power_line=lines.power_line != "",
    )
    html = form.format(
        root=root,
        kwh=kwh(picture.last_energy_wh),
        duration=escape(duration(elapsed_s)),
        kw=kw(picture.peak_power_w),
        energy_area=lines.energy_area,
        energy_line=lines.energy_line,
        power_line=lines.power_line,
    )
    return Markup(html)  # noqa: S704 - see above


def reading_rows(points: Iterable[Point]) -> Markup:
    """Render the rows of a table of readings: a page shows hundreds."""
    return Markup("".join(map(_reading_row, points)))  # noqa: S704 - see above


def _reading_row(point: Point) -> str:
    form = _form(
        "sessions/_reading_row.html",
        _ROW,
        locale(),
        is_final=point.is_final,
        set_aside=point.set_aside,
        is_meter_shown=point.is_meter_shown,
    )
    at = point.at.isoformat()  # in UTC
    return form.format(
        at=at[:19],
        time=at[11:19],
        kwh=kwh(point.meter_wh if point.is_meter_shown else point.energy_wh),
        kw=kw(point.power_w),
        soc=NOTHING if point.soc_percent is None else point.soc_percent,
    )


@lru_cache(maxsize=MAX_FORMS)
def _form(template: str, places: tuple[str, ...], _language: str, **conditions: bool | str) -> str:
    return render(template, **conditions, **{name: Markup(f"{{{name}}}") for name in places})  # noqa: S704 - names of ours
