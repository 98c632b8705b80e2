"""The audit row that every change leaves, and the refusal of a change."""

from __future__ import annotations

from datetime import datetime

from polaris.models import AuditEntry

COMMAND_LINE = "command line"  # the actor of a change made there


class Refused(ValueError):
    """A change that was not made; its text is the sentence that the person reads."""


def record(actor: str, action: str, target: str, now: datetime, detail: str = "") -> None:
    """Write who did what, in the caller's transaction."""
    AuditEntry.create(at=now, actor=actor, action=action, target=target, detail=detail)


def checked_name(name: str, longest: int = 100) -> str:
    """A name that a person gave something; raise `Refused` for one that cannot be shown."""
    name = name.strip()
    if not name or len(name) > longest or not name.isprintable():
        raise Refused(f"A name has 1 to {longest} characters, all of them printable.")
    return name
