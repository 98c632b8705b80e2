"""Owns what chargers that boot are told: intervals that differ between chargers, and a limit to what is stored.

After an outage all chargers boot at once: were they told one interval, their heartbeats would come at once for ever.
A charger in a boot loop is answered each time, and its boots beyond the limit are not written.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict, deque
from datetime import datetime, timedelta

MAX_BOOTS = 6  # of one charger within `WITHIN`
WITHIN = timedelta(minutes=1)
MAX_CHARGERS = 20_000
SPREAD = 0.1  # of the interval, to either side


class BootLimits:
    """The boots of a process's chargers, the lately booted last."""

    def __init__(self) -> None:
        self._lately: OrderedDict[int, deque[datetime]] = OrderedDict()

    def is_within(self, charger_id: int, now: datetime) -> bool:
        """Note a boot; return whether it is within the limit."""
        boots = self._lately.setdefault(charger_id, deque(maxlen=MAX_BOOTS))
        self._lately.move_to_end(charger_id)
        if len(self._lately) > MAX_CHARGERS:
            self._lately.popitem(last=False)
        is_within = len(boots) < MAX_BOOTS or now - boots[0] >= WITHIN
        if is_within:
            boots.append(now)
        return is_within

    @staticmethod
    def interval_s(charger_id: int, interval_s: int) -> int:
        """The interval for a charger: always the same for it, and evenly spread over all of them."""
        place = zlib.crc32(str(charger_id).encode()) / 2**32
        return max(1, round(interval_s * (1 + SPREAD * (2 * place - 1))))
