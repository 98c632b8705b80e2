"""Owns noticing that two sockets take turns as one charger: two devices with one identity, or a stolen key.

A charger on a bad network replaces its connection too, but not while the old one still lives, and not again and again.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

MAX_REPLACEMENTS = 4  # within `WITHIN`: more is an alarm
WITHIN = timedelta(minutes=5)
MAX_CHARGERS = 10_000
TOPIC = "Alarm two connections"


class DuplicateConnections:
    """The lately replaced connections of a process."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, deque[datetime]] = OrderedDict()

    def is_alarm(self, identity: str, now: datetime) -> bool:
        """Note that a connection replaced one that still lived; return whether that is one too many."""
        turns = self._turns.setdefault(identity, deque(maxlen=MAX_REPLACEMENTS))
        self._turns.move_to_end(identity)
        if len(self._turns) > MAX_CHARGERS:
            self._turns.popitem(last=False)
        turns.append(now)
        is_alarm = len(turns) == MAX_REPLACEMENTS and now - turns[0] < WITHIN
        if is_alarm:
            turns.clear()  # the next alarm needs as many turns again
        return is_alarm
