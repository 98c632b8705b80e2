"""The energy that a connector can deliver: at most, and by the power that was seen so far.

Between two instants a connector delivers at most its greatest power times the time between them. The slack is two
minutes of that power, since no clock is right to less, and 1 kWh, since some registers count whole kWh.
"""

from __future__ import annotations

from msgspec import Struct

from polaris.domain.chains import HOUR_US, RESOLUTION_WH, Chain, between, is_placeholder

CLOCK_SLACK_S = 120  # of the bound, beside `RESOLUTION_WH`: clocks of chargers are right to two minutes at best
CLOCK_SLACK_US = CLOCK_SLACK_S * 1_000_000
MAX_FALL_WH = 1000  # within a chain: rounding, or a figure from before the last; a larger fall is a reset or a fault
POWER_SLACK = 1.1  # of a connector's greatest power: chargers measure a little more than they are rated for

# A rise that needs more power than this, or than twice the power seen so far, is shown once the next one confirms it.
USUAL_POWER_W = 100_000
LIKELY_POWER_W = 50_000  # where a figure has to prove that it belongs here
MIN_PEAK_W = 5000  # that is assumed where less was seen: a first rise has to be compared with something
ROUNDING_WH = 500  # beside the usual power, where a figure has to prove that it belongs here
BEYOND_FACTOR = 10  # of what it is known to deliver; further above is another register


class Bound(Struct, frozen=True, gc=False):
    """The greatest power of a connector, and the highest that was reported or that a rise has needed."""

    max_w: int
    peak_w: int

    def rated_wh(self, elapsed_us: int) -> int:
        """Return what the connector delivers in a time at its greatest power."""
        return self.max_w * elapsed_us // HOUR_US

    def most_wh(self, elapsed_us: int) -> int:
        """Return the most that the connector can deliver in a time, with the slack."""
        return RESOLUTION_WH + self.rated_wh(elapsed_us + CLOCK_SLACK_US)

    def _usual_wus(self, chain: Chain, elapsed_us: int) -> int:
        """Return the energy in W µs that is no surprise by what was seen so far: nothing, before a first rise."""
        usual_w = min(self.max_w, max(USUAL_POWER_W, 2 * self.peak_w))
        return usual_w * elapsed_us + (usual_w if chain.rises else self.max_w) * CLOCK_SLACK_US

    def is_unusual(self, chain: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a rise needs far more power than was seen so far, though the connector could deliver it."""
        beyond_wh = register_wh - chain.last_wh - RESOLUTION_WH
        if beyond_wh <= 0:
            return False
        elapsed_us = between(chain.at_us, chain.received_us, at_us, received_us)
        return beyond_wh * HOUR_US > self._usual_wus(chain, elapsed_us)

    def is_likely(self, chain: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a rise needs no more power than was seen so far, without any slack: else it has to be proven."""
        elapsed_us = between(chain.at_us, chain.received_us, at_us, received_us)
        return (register_wh - chain.last_wh - ROUNDING_WH) * HOUR_US <= self.likely_w * elapsed_us

    @property
    def likely_w(self) -> int:
        """The power that a figure may need that has to prove that it belongs here."""
        return min(self.max_w, max(LIKELY_POWER_W, 2 * self.peak_w))

    def follows(self, chain: Chain, register_wh: int, at_us: int, received_us: int, is_named: bool = True) -> bool:
        """Whether a register figure can be the next of a chain."""
        rise_wh = register_wh - chain.last_wh
        if rise_wh < 0:  # what names the session is not bound by what does not
            is_small = -rise_wh <= MAX_FALL_WH and -2 * rise_wh <= chain.last_wh - chain.base_wh
            return is_small and not (is_named and chain.is_inferred)
        energy_wh = chain.before_wh + register_wh - chain.base_wh
        if energy_wh <= RESOLUTION_WH:
            return True
        elapsed_us = between(chain.at_us, chain.received_us, at_us, received_us)
        if rise_wh > RESOLUTION_WH and rise_wh > self.most_wh(elapsed_us):
            return False
        chain_us = chain.elapsed_us + elapsed_us + CLOCK_SLACK_US
        return (energy_wh - RESOLUTION_WH) * HOUR_US <= self.max_w * chain_us

    def is_beyond(self, chain: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a rise may well be true if the connector has more power than is known of it."""
        if register_wh <= chain.last_wh or is_placeholder(register_wh):
            return False
        elapsed_us = between(chain.at_us, chain.received_us, at_us, received_us)
        return register_wh - chain.last_wh <= BEYOND_FACTOR * self.most_wh(elapsed_us)

    def can_begin_anew(self, chain: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a register that was reset during a chain, or after its last figure, can be at this figure."""
        elapsed_us = between(chain.at_us, chain.received_us, at_us, received_us)
        return register_wh <= self.most_wh(elapsed_us) + (chain.last_wh if chain.has_reset else 0)

    def held(self, origin: Chain, rise_wh: int, elapsed_us: int) -> tuple[bool, int]:
        """Return whether a rise has to be confirmed by the next, and the peak power."""
        most_wus = self.max_w * (origin.elapsed_us + elapsed_us)  # over the whole chain, with little slack
        beyond_wh = origin.energy_wh + rise_wh - RESOLUTION_WH
        is_steep = beyond_wh * HOUR_US > most_wus + self.max_w * CLOCK_SLACK_US
        if is_steep or rise_wh <= 0:
            return is_steep or origin.is_held, self.peak_w
        beyond_wh = rise_wh - RESOLUTION_WH
        if beyond_wh <= 0:
            return False, self.peak_w
        if not origin.is_held:
            return beyond_wh * HOUR_US > self._usual_wus(origin, elapsed_us), self.peak_w
        if beyond_wh * HOUR_US > self.max_w * elapsed_us:
            return True, self.peak_w
        return False, max(self.peak_w, beyond_wh * HOUR_US // elapsed_us)


def risen_peak_w(peak_w: int, max_w: int, rise_wh: int, elapsed_us: int) -> int:
    """Return the peak power after a rise, whose own tells nothing over a short time."""
    if elapsed_us < CLOCK_SLACK_US:
        return peak_w
    return max(peak_w, min(max_w, rise_wh * HOUR_US // elapsed_us))


def smooth_w(peak_w: int) -> int:
    """Return the power of a rise that goes on with what was seen, given the peak of that."""
    return 2 * max(peak_w, MIN_PEAK_W)
