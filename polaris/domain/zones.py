"""Time zones by the IANA names that are stored. The world renames and drops them: tzdata may no longer have one."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


@lru_cache(maxsize=1)  # it reads the whole tree of zones
def names() -> frozenset[str]:
    """Return the zones of places, and UTC: those without an area, such as `localtime` and `Factory`, are nowhere."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def zone(name: str) -> tzinfo:
    """Return a time zone; UTC if this system does not know it, so that nothing fails for it (`attention/sites.py`)."""
    return known(name) or UTC


@lru_cache(maxsize=1024)  # one that is not there is looked for on disk each time
def known(name: str) -> ZoneInfo | None:
    """Return a time zone; None if this system does not know it."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None
