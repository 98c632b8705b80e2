"""Timestamps in OCPP messages of every version."""

from __future__ import annotations

from datetime import UTC, datetime


def read(text: str) -> datetime | None:
    """Return a charger's timestamp in UTC, or None if it is unreadable. One without a zone is taken as UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def wired(at: datetime | None) -> str | None:
    """Format a timestamp of any zone, if there is one."""
    return None if at is None else wire(at.astimezone(UTC))


def wire(at: datetime) -> str:
    """Format a timestamp, which has to be in UTC."""
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
