"""The audit rows of what people take out as a file: which list, or whose frames, and by which filter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from polaris.administration.audit import record
from polaris.models import blocking, database

# The parameters of filters that may name a person: the log is kept for good.
PERSONAL = frozenset(("actor", "card", "driver", "email", "target", "text"))


@blocking
def note_export(action: str, target: str, wanted: Mapping[str, str], *, actor: str, now: datetime) -> None:
    """Record that somebody takes what a filter finds, by its parameters. What may name a person is left out."""
    words = [f"by {name}" if name in PERSONAL else f"{name}={value}" for name, value in wanted.items()]
    with database.atomic():
        record(actor, action, target, now, ", ".join(words))
