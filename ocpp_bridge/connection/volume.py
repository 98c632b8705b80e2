"""The volume of what a charger sends, bounded by slowing it down: its messages wait, and none is refused or lost.

The bound is far beyond what a charger has to say, and there so that a faulty one cannot fill the disk overnight.
"""

from __future__ import annotations

from collections import OrderedDict
from time import monotonic

from ocpp_bridge.connection.websocket import MAX_MESSAGE_BYTES

# Of one charger. Ten connectors that are metered each second send 6 kB/s; a week offline is told in some MB.
MAX_BURST_BYTES = 64_000_000
MAX_BYTES_PER_S = 32_000
MIN_COST_BYTES = 256  # of a message: handling one takes time, however short it is
# Pings, pongs and fragments of messages: parsing them takes time. Few chargers send any.
MAX_FRAMES, MAX_FRAMES_PER_S = 10_000, 100
MAX_CHARGERS = 20_000  # remembered beyond their connections, or a charger that reconnects would begin anew


class Volume:
    """A charger's allowance, which is refilled with time. One object for all of its connections."""

    __slots__ = ("_at", "_frames", "_frames_at", "_left")

    def __init__(self) -> None:
        self._at = self._frames_at = monotonic()
        self._left, self._frames = float(MAX_BURST_BYTES), float(MAX_FRAMES)

    @property
    def is_low(self) -> bool:
        """Whether more than half of the burst is used up, so that an operator should look."""
        return self._left < MAX_BURST_BYTES / 2

    def spend(self, size: int) -> float:
        """Count a message; return for how many seconds it has to wait: at most for as long as the largest takes."""
        now = monotonic()
        left = min(MAX_BURST_BYTES, self._left + (now - self._at) * MAX_BYTES_PER_S) - max(size, MIN_COST_BYTES)
        self._left = max(-float(MAX_MESSAGE_BYTES), left)  # or its connections together would owe hours
        self._at = now
        return 0.0 if self._left >= 0 else -self._left / MAX_BYTES_PER_S

    def spend_frame(self) -> bool:
        """Count a frame that is no whole message; return whether there may be one."""
        now = monotonic()
        self._frames = min(MAX_FRAMES, self._frames + (now - self._frames_at) * MAX_FRAMES_PER_S)
        self._frames_at = now
        if self._frames < 1:
            return False
        self._frames -= 1
        return True


class Volumes:
    """The volumes of a process's chargers."""

    def __init__(self) -> None:
        self._by_charger: OrderedDict[int, Volume] = OrderedDict()  # the last connected last

    def of(self, charger_id: int) -> Volume:
        """Return a charger's volume."""
        volume = self._by_charger.setdefault(charger_id, Volume())
        self._by_charger.move_to_end(charger_id)
        if len(self._by_charger) > MAX_CHARGERS:
            self._by_charger.popitem(last=False)
        return volume
