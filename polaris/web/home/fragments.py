"""The fragments of Home, and the template filters that they use."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from flask import Flask

from polaris.domain.viewer import Viewer
from polaris.rendering.dates import in_skeleton, interval
from polaris.rendering.fragments import Fragments, render
from polaris.rendering.translations import locale
from polaris.web.home import bars
from polaris.web.home.bars import Bar, Period
from polaris.web.home.view import HomeView, SiteChargers

MAX_WORDS = 2_000  # cached
_SKELETONS = {Period.DAY: ("MMMd", "yMMMEd"), Period.WEEK: ("MMMd", "yMMMd"), Period.MONTH: ("MMM", "yMMM")}


def register(app: Flask) -> None:
    """Add this page's filters to the app's Jinja environment."""
    app.add_template_filter(bars.pictures, "bar_pictures")
    app.add_template_filter(period_words)
    app.add_template_filter(period_tick)


def driver(home: HomeView, viewer: Viewer, operator_contact: str) -> Fragments:
    """Render a driver's part: all of it, or, if only that was read, what charges now by itself."""
    if home.recent is None or home.bars is None:
        return running(home, viewer, operator_contact)
    more = {"viewer": viewer, "operator_contact": operator_contact}
    return {
        "home-account": account(viewer),
        "home-running": render("home/_running.html", home=home, **more),
        "home-starting": starting(home),
        "home-recent": render("home/_recent.html", recent=home.recent, viewer=viewer),
        "home-bars": render("home/_bars.html", bars=home.bars),
    }


def running(home: HomeView, viewer: Viewer, operator_contact: str) -> Fragments:
    """Render the banner and the stop control of each session that goes on."""
    found: Fragments = {"home-account": account(viewer), "home-starting": starting(home)}
    for session in home.running:
        arguments = {"session": session, "viewer": viewer, "operator_contact": operator_contact}
        found[f"session-{session.number}-banner"] = render("home/_banner.html", **arguments)
        found[f"session-{session.number}-stop"] = render("sessions/_stop.html", **arguments)
    return found


def account(viewer: Viewer) -> str:
    """Render what the account's status means, unless it is active."""
    return render("home/_account.html", viewer=viewer)


def starting(home: HomeView) -> str:
    """Render the start that is under way, if there is one."""
    return render("home/_starting.html", starting=home.starting)


def chargers(page: SiteChargers) -> Fragments:
    """Render a page of a site's chargers."""
    return {"home-chargers": render("home/_chargers.html", page=page)}


def period_words(bar: Bar, period: Period) -> str:
    """Name a bar's time whole: "Mon 23 Nov 2026", "16 – 22 Nov 2026", "Nov 2026"."""
    return _words(bar.first, bar.last, period, locale())


def period_tick(bar: Bar, period: Period) -> str:
    """Name a bar's time below it."""
    return _tick(bar.first, period, locale())


@lru_cache(maxsize=MAX_WORDS)
def _words(first: date, last: date, period: Period, language: str) -> str:
    _, skeleton = _SKELETONS[period]
    if period is Period.WEEK:
        return interval(first, last, language)
    return in_skeleton(first, skeleton, language)


@lru_cache(maxsize=MAX_WORDS)
def _tick(first: date, period: Period, language: str) -> str:
    return in_skeleton(first, _SKELETONS[period][0], language)
