"""The values of filters as a person or a URL gives them: any that is not understood filters nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from polaris.domain.limits import MAX_INT32

MAX_TEXT_LENGTH = 255  # of the columns that are searched
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)  # beyond, some time zone's midnight is no instant


def text(value: str) -> str:
    """Return a text without surrounding spaces, and without what PostgreSQL refuses."""
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip()[:MAX_TEXT_LENGTH]


def email(value: str) -> str:
    """Return an e-mail address, or how one begins, as addresses are stored."""
    return unicodedata.normalize("NFC", text(value).lower())


def choice(value: str, choices: Iterable[str]) -> str:
    """Return one of some choices, "" for anything else."""
    return value if value in tuple(choices) else ""


def day(value: str) -> date | None:
    """Parse a day such as 2026-11-29."""
    try:
        parsed = date.fromisoformat(value)
    except ValueError:
        return None
    return parsed if FIRST_DAY <= parsed <= LAST_DAY else None


def number(value: str) -> int | None:
    """Parse the number of a row."""
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        return None
    return int(value) if 0 < int(value) <= MAX_INT32 else None


def began(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the instant at which a day begins in a time zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def ended(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the instant at which the next day begins."""
    return began(day + timedelta(days=1), zone)


def parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a filter as the parameters of a URL, without those that filter nothing."""
    return {name: str(value) for name, value in values.items() if value not in (None, "", False)}
