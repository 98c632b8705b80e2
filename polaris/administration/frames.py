"""The audit rows of what people take from the log of frames, which is no table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from polaris.administration.audit import record
from polaris.models import blocking, database

SEARCHED = "text"  # the parameter of a filter that may be a card's id


@blocking
def note_frames_export(target: str, wanted: Mapping[str, str], *, actor: str, now: datetime) -> None:
    """Record that somebody takes the frames of a charger or a session that a filter finds, by its parameters.

    What was searched for is left out: it may be a card's id, and the log is kept for good.
    """
    words = [f"{name}={value}" if name != SEARCHED else "with a text" for name, value in wanted.items()]
    with database.atomic():
        record(actor, "frames.exported", target, now, ", ".join(words))
