"""A limit on how often something happens to a charger."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta

MAX_CHARGERS = 20_000  # remembered; the longest idle are forgotten, so that the memory is bounded


class RateLimit:
    """At most `times` events of one charger within `period`."""

    def __init__(self, times: int, period: timedelta) -> None:
        self._times, self._period = times, period
        self._events: OrderedDict[int, deque[datetime]] = OrderedDict()  # by charger, the last active one last

    def is_within(self, charger_id: int, at: datetime) -> bool:
        """Return whether an event is within the limit, and if so, record it."""
        events = self._events.setdefault(charger_id, deque(maxlen=self._times))
        self._events.move_to_end(charger_id)
        if len(self._events) > MAX_CHARGERS:
            self._events.popitem(last=False)
        is_within = len(events) < self._times or at - events[0] >= self._period
        if is_within:
            events.append(at)
        return is_within

    def reset(self, charger_id: int) -> None:
        """Forget a charger's events."""
        self._events.pop(charger_id, None)
