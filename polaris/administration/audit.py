"""The audit log, and the error for a change that is refused."""

from __future__ import annotations

from datetime import datetime

from polaris.models import AuditEntry

COMMAND_LINE = "command line"  # the actor of a change made through `flask --app app`


class Refused(ValueError):
    """A change that was not made; its text is a sentence for the person who asked for it."""


def record(actor: str, action: str, target: str, now: datetime, detail: str = "") -> None:
    """Add a row to the audit log, in the caller's transaction."""
    AuditEntry.create(at=now, actor=actor, action=action, target=target, detail=detail)


def checked_name(name: str, max_length: int = 100) -> str:
    """Return a name without surrounding spaces. Raise `Refused` if it is empty, too long or not printable."""
    name = name.strip()
    if not name or len(name) > max_length or not name.isprintable():
        raise Refused(f"A name has 1 to {max_length} characters, all of them printable.")
    return name
