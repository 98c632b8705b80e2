"""The audit rows of what people take out as a file: which list, or whose frames, and by which filter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from polaris.audit import filter_words, record
from polaris.models import blocking, database


@blocking
def note_export(action: str, target: str, wanted: Mapping[str, str], *, actor: str, now: datetime) -> None:
    """Record that somebody takes what a filter finds, by its parameters. What may name a person is left out."""
    with database.atomic():
        record(actor, action, target, now, filter_words(wanted))
