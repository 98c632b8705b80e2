"""Instants: as whole microseconds since 1970 UTC, which they are stored as, and whether a charger's are believed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# A charger's instant outside of these bounds is replaced by the time of receipt. Without the first, a wrong clock would
# date readings into the future; without the second, into 1970. Queued messages are rarely older than 90 days. What a
# clock is known to be ahead is taken off before (`clock`).
MAX_CLOCK_AHEAD = timedelta(minutes=2)
MAX_OFFLINE = timedelta(days=90)
MIN_CLOCK_AHEAD = -MAX_OFFLINE
# No message of a session is from before its start: one that says so by more than this has a clock that was set back.
# Without a tolerance, a start that is dated by our clock would have all readings of a slow clock dated by ours, too.
CLOCK_TOLERANCE = timedelta(minutes=15)


def clock_text(at: datetime, zone: tzinfo = UTC) -> str:
    """Return an instant as a form's field has it: by the clock of a zone that the form names."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"


def minute_text(at: datetime) -> str:
    """Return an instant in UTC as sentences have it, which pages show in the reader's zone."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def second_text(at: datetime) -> str:
    """Return the same with its second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


# As they take the least time, since every reading is converted several times.
def to_microseconds(at: datetime) -> int:
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def all_from_microseconds(column: Iterable[int]) -> list[datetime]:
    """Return many instants, in a tenth of the time. They are exact until 2242: seconds are floats for msgspec."""
    return msgspec.convert([microseconds / 1_000_000 for microseconds in column], list[datetime], strict=False)


def believable(at: datetime | None, received_at: datetime, started_at: datetime | None = None) -> datetime:
    """Return the charger's instant, or the time of receipt if its clock must be wrong.

    That is in 1970, in 2000, in the future, or long before the start of the session that the message names.
    """
    if at is None or not MIN_CLOCK_AHEAD <= at - received_at <= MAX_CLOCK_AHEAD:
        return received_at
    return at if started_at is None or started_at - at <= CLOCK_TOLERANCE else received_at
