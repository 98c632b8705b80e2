"""Detection of two clients that replace each other as one charger: two devices with one identity, or a stolen key.

A charger on a bad network replaces its connection too, but rarely while the old one is alive, and not repeatedly.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

MAX_REPLACEMENTS = 4  # within `WINDOW`; this many raise an alarm
WINDOW = timedelta(minutes=5)
MAX_CHARGERS = 10_000  # remembered; the one whose last replacement is oldest is forgotten first
TOPIC = "Alarm two connections"


class DuplicateConnections:
    """Recent replacements of live connections, by charger."""

    def __init__(self) -> None:
        self._replacements: OrderedDict[str, deque[datetime]] = OrderedDict()

    def is_alarm(self, identity: str, now: datetime) -> bool:
        """Note that a connection replaced a live one; return whether it has happened too often."""
        times = self._replacements.setdefault(identity, deque(maxlen=MAX_REPLACEMENTS))
        self._replacements.move_to_end(identity)
        if len(self._replacements) > MAX_CHARGERS:
            self._replacements.popitem(last=False)
        times.append(now)
        is_alarm = len(times) == MAX_REPLACEMENTS and now - times[0] < WINDOW
        if is_alarm:
            times.clear()  # the next alarm needs as many replacements again
        return is_alarm
