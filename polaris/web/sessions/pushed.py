"""A running session's fragments as they are pushed: if they show something else, and the large ones in parts.

A reading changes the figures, a row of the timeline and the newest part of the curve. The rest is as it was.
"""

from __future__ import annotations

from functools import partial

from polaris.domain.viewer import Viewer
from polaris.rendering.fragments import AnyFragments, Deferred, render
from polaris.web.sessions import chart
from polaris.web.sessions.chart import Curve
from polaris.web.sessions.fragments import figures, recent, root_id, stop_control
from polaris.web.sessions.kept import Timeline
from polaris.web.sessions.view import SessionView


def common(session: SessionView, before: Timeline) -> AnyFragments:
    """Return the fragments that are alike for every viewer; `before` is the timeline that was pushed last."""
    picture = chart.draw(session)
    timeline = session.readings.timeline
    live_figures = Deferred(session.figures, partial(figures, session))
    marks_and_parts = {
        "header": (session.headline, {}),
        "live": (session.around_figures, {"figures": live_figures}),
        "curve": (picture and picture.axes, _parts(session, picture)),
        "timeline": (_around_rows(timeline), {"readings": _rows(session, timeline, before)}),
    }
    return {
        root_id(session, noun): Deferred(mark, partial(_render, session, noun), _with_ids(session, parts))
        for noun, (mark, parts) in marks_and_parts.items()
    }


def stop(session: SessionView, viewer: Viewer, operator_contact: str) -> AnyFragments:
    """Return the stop control, which differs by viewer."""
    arguments = {"viewer": viewer, "operator_contact": operator_contact}
    mark = stop_control(session, viewer, operator_contact)
    return {root_id(session, "stop"): Deferred(mark, partial(_render, session, "stop", **arguments))}


def _render(session: SessionView, noun: str, **arguments: object) -> str:
    return render(f"sessions/_{noun}.html", session=session, **arguments)


def _with_ids(session: SessionView, parts: dict[str, Deferred]) -> dict[str, Deferred]:
    return {root_id(session, noun): part for noun, part in parts.items()}


def _parts(session: SessionView, picture: Curve | None) -> dict[str, Deferred]:
    if picture is None:
        return {}
    return {
        "past": Deferred(picture.past_mark, partial(_render, session, "curve_past", picture=picture)),
        "recent": Deferred(picture.recent, partial(recent, picture, session)),
    }


def _around_rows(timeline: Timeline) -> tuple[bool, bool]:
    return timeline.rows == (), timeline.has_more


def _rows(session: SessionView, timeline: Timeline, before: Timeline) -> Deferred:
    newer = timeline.newer(before)
    if not newer:
        return Deferred(timeline, partial(_render, session, "readings"))
    added = partial(_render, session, "readings", newer=newer, since=before.newest_id)
    return Deferred(timeline, partial(_render, session, "readings"), grown=(before, added))
