"""Owns how instants are read off the wire and written to it, in every version."""

from __future__ import annotations

from datetime import UTC, datetime


def read(text: str) -> datetime | None:
    """The charger's instant in UTC; one without a zone is UTC. None where it cannot be read."""
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def wire(at: datetime) -> str:
    """An instant in UTC."""
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
