"""The process's one reading of the list, which all its pages share: read when it is needed, and not too often."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

from polaris.attention.listing import Attention, read

PACE_S = 1.0  # without it, the list would be read for each page and each message
# The least time between two readings, in durations of one. Without it, a slow list would be read all the time.
INTERVAL_FACTOR = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """The list, and when it may be read again. One that `is_new` was read just now, another one a moment ago."""

    attention: Attention
    next_at: datetime
    is_new: bool


class Reader:
    """The cached list. Its lock lets those who come while it is read wait for that, instead of reading it too."""

    def __init__(self, directories: tuple[str, ...]) -> None:
        self._directories = directories
        self._lock = threading.Lock()
        self._attention: Attention | None = None
        self._next_read_at = 0.0  # monotonic

    def latest(self) -> Reading:
        """Return the list as it was at most a moment ago."""
        with self._lock:
            if self._attention is not None and monotonic() < self._next_read_at:
                return self._reading(self._attention, is_new=False)
            return self._read()

    def fresh(self) -> Attention:
        """Read the list now."""
        with self._lock:
            return self._read().attention

    def _read(self) -> Reading:
        began_at = monotonic()
        self._attention = read(datetime.now(UTC), self._directories)
        self._next_read_at = began_at + max(PACE_S, INTERVAL_FACTOR * (monotonic() - began_at))
        return self._reading(self._attention, is_new=True)

    def _reading(self, attention: Attention, *, is_new: bool) -> Reading:
        wait = timedelta(seconds=max(0.0, self._next_read_at - monotonic()))
        return Reading(attention, datetime.now(UTC) + wait, is_new)
