"""The fragments of a session's page and of the list of sessions, and the template filters that they use.

A body that stays the same from reading to reading is cached by the values that it shows. Its root element carries the
revision, so it is written each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flask import Flask
from markupsafe import Markup

from polaris.domain.stop_request import StoppedBy
from polaris.domain.viewer import Viewer
from polaris.lists.strips import Strip
from polaris.rendering.fragments import Fragments, render
from polaris.rendering.translations import locale
from polaris.web.sessions import bill, chart, forms, receipts
from polaris.web.sessions.chart import Axes, Curve
from polaris.web.sessions.own import Change as RowsChange
from polaris.web.sessions.own import OwnPage
from polaris.web.sessions.receipts import ReceiptPage
from polaris.web.sessions.stop import StopControl
from polaris.web.sessions.view import Headline, RunningSession, SessionRow, SessionView
from polaris.web.sessions.why import Why

MAX_AXES = 2_000
MAX_BODIES = 10_000  # of each kind: the sessions that are watched at a time
_ACTIVE = {noun: f"sessions/_{noun}.html" for noun in ("header", "live", "curve", "timeline")}
_ENDED = _ACTIVE | {"live": "sessions/_final.html", "signatures": "sessions/_signatures.html"}

Revised = SessionView | SessionRow | RunningSession


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment."""
    for filter_ in (root, headline, stop_control, stop_body, curve_axes, figures, recent, forms.reading_rows):
        app.add_template_filter(filter_)
    app.add_template_filter(chart.draw, "curve")
    app.add_template_filter(receipts.site_time)
    bill.register(app)


def session(session: SessionView) -> Fragments:
    """Render the fragments of a session's page that are alike for every viewer."""
    templates = _ACTIVE if session.is_active else _ENDED
    return {root_id(session, noun): render(template, session=session) for noun, template in templates.items()}


def stop(session: SessionView, viewer: Viewer, operator_contact: str) -> Fragments:
    """Render the stop control, which differs by viewer."""
    html = render("sessions/_stop.html", session=session, viewer=viewer, operator_contact=operator_contact)
    return {root_id(session, "stop"): html}


def explanation(why: Why) -> Fragments:
    """Render where a session's figures come from."""
    return {root_id(why.session, "why"): render("sessions/_why.html", why=why, session=why.session)}


def receipt(page: ReceiptPage) -> Fragments:
    """Render a session's receipt."""
    return {root_id(page.session, "receipt"): render("sessions/_receipt_sheet.html", page=page)}


def energy_verbs(session: SessionView) -> Fragments:
    """Render what an operator can do about a session's energy."""
    return {root_id(session, "why-verbs"): render("sessions/_why_verbs.html", session=session)}


def rows(rows: Iterable[SessionRow], viewer: Viewer) -> Fragments:
    """Render rows of the sessions list, a fragment for each."""
    return {root_id(row, "row"): render("sessions/_row.html", row=row, viewer=viewer) for row in rows}


def session_list(page: OwnPage, viewer: Viewer) -> Fragments:
    """Render a page of a driver's list, and the strip above it."""
    return _strip(page.strip) | {"sessions": render("sessions/_list.html", page=page, viewer=viewer)}


def changed_rows(change: RowsChange, viewer: Viewer) -> Fragments:
    """Render the rows of a driver's list that changed, and the strip above it."""
    return _strip(change.strip) | rows(change.rows, viewer)


def _strip(strip: Strip) -> Fragments:
    return {"session-strip": render("sessions/_strip.html", strip=strip)}


def root_id(session: Revised, noun: str) -> str:
    return f"session-{session.number}-{noun}"


def root(session: Revised, noun: str) -> Markup:
    """Write the id and the revision of a fragment's root element."""
    return Markup(f'id="{root_id(session, noun)}" data-revision="{session.revision}"')  # noqa: S704 - numbers


def headline(session: SessionView) -> Markup:
    """Render the body of a session's header."""
    return _headline(session.headline, locale())


@lru_cache(maxsize=MAX_BODIES)
def _headline(headline: Headline, _language: str) -> Markup:
    return Markup(render("sessions/_headline.html", headline=headline))  # noqa: S704 - the template escapes


def stop_control(session: SessionView | RunningSession, viewer: Viewer, operator_contact: str) -> StopControl:
    page = session if isinstance(session, SessionView) else None
    return StopControl(
        session.number,
        session.is_active,
        session.is_unknown,
        session.stop,
        viewer,
        operator_contact,
        page.charger_identity if page and page.is_outpaced else "",
        session.limit,
        is_at_limit=page is not None and page.stopped_by is StoppedBy.LIMIT,
    )


def stop_body(control: StopControl) -> Markup:
    """Render the body of a stop control."""
    return _stop_body(control, locale())


@lru_cache(maxsize=MAX_BODIES)
def _stop_body(control: StopControl, _language: str) -> Markup:
    return Markup(render("sessions/_stop_body.html", control=control))  # noqa: S704 - the template escapes


def figures(session: SessionView) -> Markup:
    """Render the live figures, which change with each reading."""
    return forms.figures(session, root(session, "figures"))


def recent(picture: Curve, session: SessionView) -> Markup:
    """Render the newest part of a curve."""
    return forms.recent(picture, session.elapsed_s, root(session, "recent"))


def curve_axes(axes: Axes) -> Markup:
    """Render the ticks and units beside a curve."""
    return _axes(axes, locale())


@lru_cache(maxsize=MAX_AXES)
def _axes(axes: Axes, _language: str) -> Markup:
    return Markup(render("sessions/_curve_axes.html", axes=axes))  # noqa: S704 - the template escapes
