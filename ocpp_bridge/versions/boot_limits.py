"""Limits for booting chargers: a heartbeat interval that differs between chargers, and a rate limit for storing boots.

After an outage all chargers boot at once; with the same interval, their heartbeats would coincide from then on. A
charger in a boot loop is answered every time, but its boots beyond the limit are not stored.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict, deque
from datetime import datetime, timedelta

MAX_BOOTS = 6  # of one charger within PERIOD; a boot loop would write without end
PERIOD = timedelta(minutes=1)
MAX_CHARGERS = 20_000  # remembered; the longest idle are forgotten, so that the memory is bounded
JITTER = 0.1  # of the interval, to either side


class BootLimits:
    """The recent boots of a process's chargers."""

    def __init__(self) -> None:
        self._boots: OrderedDict[int, deque[datetime]] = OrderedDict()  # the last to boot is last

    def is_within(self, charger_id: int, now: datetime) -> bool:
        """Record a boot; return whether it is within the limit."""
        boots = self._boots.setdefault(charger_id, deque(maxlen=MAX_BOOTS))
        self._boots.move_to_end(charger_id)
        if len(self._boots) > MAX_CHARGERS:
            self._boots.popitem(last=False)
        is_within = len(boots) < MAX_BOOTS or now - boots[0] >= PERIOD
        if is_within:
            boots.append(now)
        return is_within


def interval_s(charger_id: int, mean_s: int) -> int:
    """Return a charger's heartbeat interval: always the same one, and evenly distributed over all chargers."""
    fraction = zlib.crc32(str(charger_id).encode()) / 2**32
    return max(1, round(mean_s * (1 + JITTER * (2 * fraction - 1))))
