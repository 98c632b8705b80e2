"""The lifecycle of a mail that goes out: waiting, sent or failed, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LEASE = timedelta(minutes=5)  # longer than an attempt; without it, a mail whose sender was killed would never be sent
FIRST_PAUSE = timedelta(seconds=30)
MAX_PAUSE = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(days=1)
MAX_WAITING = 1000  # without it, a script could fill the table


class MailState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"  # the mail server has taken it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MailProgress:
    """How far a mail has come. `answer` is why it has not been sent, mostly in the mail server's words."""

    state: MailState
    queued_at: datetime
    due_at: datetime
    sent_at: datetime | None
    answer: str


def pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts that failed."""
    doublings = min(attempts - 1, 10)
    return min(FIRST_PAUSE * (1 << doublings), MAX_PAUSE)


def is_over(queued_at: datetime, now: datetime) -> bool:
    """Whether a mail has been tried for long enough."""
    return now - queued_at >= GIVE_UP_AFTER
