"""Dates and times of day in the page's language: as its country writes them, in English "30 Nov 2026, 16:44"."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

from babel.dates import format_interval, format_skeleton

from polaris.domain.languages import ENGLISH
from polaris.rendering.translations import locale

DAY = "yMMMd"
_TIMES = {"datetime": "%H:%M", "second": "%H:%M:%S", "ago": "%H:%M"}


def moment(at: datetime, style: str, zone: tzinfo = UTC) -> str:
    """Write an instant by the clock of a zone, in one of the styles of the filter `instant`."""
    local = at.astimezone(zone)
    if style == "time":
        return f"{local:%H:%M:%S}"
    return f"{in_skeleton(local, DAY, locale())}, {local:{_TIMES[style]}}"


def in_skeleton(day: date, skeleton: str, language: str) -> str:
    """Write the parts of a date that a CLDR skeleton names."""
    return format_skeleton(skeleton, day, locale=_region(language))


def interval(first: date, last: date, language: str) -> str:
    """Write the days from one to another."""
    return format_interval(first, last, DAY, locale=_region(language))


def _region(language: str) -> str:
    """Return the locale of a language's dates: those of English alone would be American."""
    return "en_GB" if language == ENGLISH else language
