"""The meter of a session: what its register says, made out from all the figures that were sent.

A register counts energy upwards from somewhere: a meter's lifetime, the session's start, or the last reset. Registers
of several kinds may be mixed in one session, with figures that are no registers at all. A `Meter` keeps the few chains
of figures that may still turn out to be the session's register. The best gives the session's energy, and the figures
outside of it are set aside.

`Meter.add` takes observations in order of their instants, those of one instant in the order of receipt, so a session is
rebuilt by adding all of them again. Energy is in whole Wh, power in W, instants in microseconds (UTC).
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain.bound import CLOCK_SLACK_US, MAX_FALL_WH, POWER_SLACK, ROUNDING_WH, Bound, risen_peak_w, smooth_w
from polaris.domain.chains import HOUR_US, MAX_CHAINS, RESOLUTION_WH, Chain, between, is_placeholder, of_start, pruned
from polaris.domain.data_quality import MIN_FACTOR, is_thousandfold
from polaris.domain.limits import DEFAULT_MAX_POWER_W
from polaris.domain.metering import BEGIN, END

MAX_REGISTER_WH = 10**11  # more than the strongest connector delivers in thirty years
RESET_COST = 2  # of a chain's score: two figures have to confirm that the register was reset
SURE_RISES = 2  # after a reset until it shows live: it can be a fault that passes
MAX_BEYOND = 3  # figures in a row that rise faster than the connector can deliver: its power must be set too low
ROLLOVERS_WH = (10**8, 10**9, 2**31, 2**32)  # at which registers begin at 0 again
MAX_BARE = 3  # figures without a rise after which the start is no longer in doubt, whatever comes
MIN_METERED_WH = 2000  # beyond the resolution of any meter, since some count whole kWh


class Observation(Struct, frozen=True, gc=False):
    """A report of a charger's meter for one instant. `is_named` tells that the message named the session."""

    at_us: int
    received_us: int
    register_wh: int | None = None
    interval_wh: int | None = None
    context: str = ""
    power_w: int | None = None
    is_named: bool = True


class Interval(Struct, frozen=True, array_like=True, gc=False):
    """The sum of a context's interval readings, each the energy since the one before."""

    context: str
    energy_wh: int
    at_us: int
    received_us: int


class Fit(StrEnum):
    """How the last observation was used."""

    NONE = ""  # it has neither register nor interval
    COUNTED = "counted"
    SWITCHED = "switched"  # another chain than before is now the best: all observations have to be judged again
    TOO_MUCH = "too_much"
    CONTRADICTED = "contradicted"
    OTHER_REGISTER = "other_register"
    UNNAMED = "unnamed"


COUNTED, SWITCHED = Fit.COUNTED, Fit.SWITCHED  # for every reading: an enum's member takes a while to look up
_ENDS = (BEGIN, END)


class Meter(Struct, frozen=True, array_like=True):
    """A session's meter after some observations. It is stored with the session."""

    start_wh: int | None  # the register as the charger sent it with the start
    started_us: int
    start_received_us: int
    max_power_w: int
    count: int = 0  # of observations
    chains: tuple[Chain, ...] = ()  # the best first
    intervals: tuple[Interval, ...] = ()
    peak_w: int = 0  # the highest power that was reported, or that a rise has needed
    shown_wh: int | None = 0  # None if the first figures cannot be judged yet
    is_named: bool = False  # an observation has named the session: those that do not count only if they fit
    figures: int = 0  # how many registers were read, with the start
    aside_wh: int = 0  # the newest that was set aside
    is_start_replaced: bool = False  # a reading of context Transaction.Begin contradicted the start's register
    end_wh: int | None = None  # the register of a reading of context Transaction.End
    power_w: int | None = None  # the newest that was reported,
    power_at_us: int = 0  # and when
    work_wus: int = 0  # the energy that the reported power comes to, of two neighbours at the lower; in W µs
    beyond: int = 0  # how many figures in a row have risen by more than the connector can deliver

    @property
    def bound(self) -> Bound:
        return Bound(self.max_power_w, self.peak_w)

    @property
    def best(self) -> Chain | None:
        return self.chains[0] if self.chains else None

    def add(self, seen: Observation) -> tuple[Meter, Fit]:
        """Return the meter after an observation, and how it was used."""
        register_wh = seen.register_wh
        if register_wh is not None and (usual := self.as_usual(seen, register_wh)):
            return usual
        meter = self.counted(seen)
        if register_wh is None:
            return (meter, Fit.NONE) if seen.interval_wh is None else meter._with_interval(seen, seen.interval_wh)
        if not 0 <= register_wh <= MAX_REGISTER_WH:
            aside = replace(meter, figures=self.figures + 1, aside_wh=max(0, register_wh))
            return aside, Fit.CONTRADICTED
        # Some chargers repeat the begin in every message. `close` takes an end if need be.
        if seen.context == BEGIN and register_wh == self.start_wh and self.best is not None and self.best.has_risen:
            return meter, Fit.NONE
        if seen.context == END:
            return meter if self._is_worse_end(seen, register_wh) else replace(meter, end_wh=register_wh), Fit.NONE
        if seen.interval_wh is not None:
            meter, _ = meter._with_interval(seen, seen.interval_wh)
        return meter.with_register(seen, register_wh)

    def counted(self, seen: Observation) -> Meter:
        """Return the meter with an observation's number and power."""
        peak_w, power_w, power_at_us, work_wus = self._power(seen)
        return replace(
            self, count=self.count + 1, peak_w=peak_w, power_w=power_w, power_at_us=power_at_us, work_wus=work_wus
        )

    def _power(self, seen: Observation) -> tuple[int, int | None, int, int]:
        """Return the peak power, the newest and its instant, and the energy that they come to."""
        power_w, work_wus = seen.power_w, self.work_wus
        if power_w is None or power_w > POWER_SLACK * self.max_power_w:
            return self.peak_w, self.power_w, self.power_at_us, work_wus
        if self.power_w is not None and seen.at_us > self.power_at_us:
            work_wus += (power_w if power_w < self.power_w else self.power_w) * (seen.at_us - self.power_at_us)
        peak_w = power_w if self.peak_w < power_w <= self.max_power_w else self.peak_w
        return peak_w, power_w, seen.at_us, work_wus

    @property
    def work_wh(self) -> int:
        """The energy that the reported power comes to."""
        return self.work_wus // HOUR_US

    def lacks(self, energy_wh: int) -> bool:
        """Whether far more energy must have flowed, by the power that was reported: none was counted, or not in Wh."""
        return self.work_wus >= MIN_METERED_WH * HOUR_US and energy_wh * MIN_FACTOR * HOUR_US <= self.work_wus

    def is_no_value(self, register_wh: int) -> bool:
        """Whether a register at the end stands for no value; 0 does not if the readings say 0."""
        is_zero = register_wh == 0 and self.best is not None and self.best.last_wh == 0
        return is_placeholder(register_wh) and not is_zero

    def _is_worse_end(self, seen: Observation, register_wh: int) -> bool:
        """Whether a register at the end follows the readings worse than the one before it."""
        best, before_wh = self.best, self.end_wh
        if best is None or before_wh is None or self.is_no_value(before_wh):
            return False
        at_us, received_us = seen.at_us, seen.received_us
        return is_placeholder(register_wh) or any(
            self.bound.follows(chain, before_wh, at_us, received_us) for chain in self.chains
        )

    def as_usual(self, seen: Observation, register_wh: int) -> tuple[Meter, Fit] | None:
        """Return what `add` comes to, in half the time, if a figure goes on with the only chain as most do, else None.

        It has risen as the power seen so far lets expect, and nothing about it or the chain is in doubt.
        """
        if len(self.chains) != 1 or not self._is_clear(self.chains[0], seen, register_wh):
            return None
        chain = self.chains[0]
        rise_wh, elapsed_us = register_wh - chain.last_wh, seen.at_us - chain.at_us
        energy_wh, chain_us = chain.before_wh + register_wh - chain.base_wh, chain.elapsed_us + elapsed_us
        if (energy_wh - RESOLUTION_WH) * HOUR_US > self.max_power_w * chain_us:
            return None
        peak_w, power_w, power_at_us, work_wus = self._power(seen)
        if rise_wh > RESOLUTION_WH:
            most_w = min(self.max_power_w, smooth_w(peak_w))
            if (rise_wh - RESOLUTION_WH) * HOUR_US > most_w * elapsed_us:
                return None
        count = self.count + 1
        added = replace(
            chain,
            id=count,
            after=chain.id,
            last_wh=register_wh,
            at_us=seen.at_us,
            received_us=seen.received_us,
            score=chain.score + 1,
            figures=chain.figures + 1,
            rises=chain.rises + 1,
            sure_wh=energy_wh,
            is_named=True,
            elapsed_us=chain_us,
            is_inferred=False,
        )
        meter = replace(
            self,
            count=count,
            chains=(added,),
            peak_w=risen_peak_w(peak_w, self.max_power_w, rise_wh, elapsed_us),
            shown_wh=energy_wh if self.shown_wh is None or energy_wh > self.shown_wh else self.shown_wh,
            is_named=True,
            figures=self.figures + 1,
            power_w=power_w,
            power_at_us=power_at_us,
            work_wus=work_wus,
            beyond=0,
        )
        return meter, COUNTED

    def _is_clear(self, chain: Chain, seen: Observation, register_wh: int) -> bool:
        """Whether a figure rises after a chain's last, and nothing about either asks for a closer look."""
        return (
            register_wh > chain.last_wh
            and seen.at_us > chain.at_us
            and chain.has_start
            and seen.is_named
            and not chain.is_held
            and not chain.has_reset
            and seen.interval_wh is None
            and seen.context not in _ENDS
            and register_wh <= MAX_REGISTER_WH
            and not is_placeholder(register_wh)
        )

    def with_register(self, seen: Observation, register_wh: int) -> tuple[Meter, Fit]:
        best, bound, origin = self.best, self.bound, None
        is_named = self.is_named or seen.is_named
        nearest = None
        for chain in self.chains:
            fall = RESET_COST * (register_wh < chain.last_wh)
            near = chain.score - fall, chain.figures, chain.last_wh
            if nearest is not None and near <= nearest:
                continue  # of two chains with one score, that with more figures goes on, then the nearer register
            if bound.follows(chain, register_wh, seen.at_us, seen.received_us, seen.is_named):
                origin, nearest = chain, near
        if seen.context == BEGIN and origin is not None and origin.figures == 1:
            origin = origin if abs(register_wh - origin.last_wh) <= RESOLUTION_WH else None
        if origin is not best and _is_reset_likelier(best, origin, register_wh) and seen.context != BEGIN:
            origin = None
        if not seen.is_named and self.is_named and not self._goes_on(origin, seen, register_wh):
            return replace(self, figures=self.figures + 1), Fit.UNNAMED
        if origin is None:
            added, kept, peak_w = self._new_chain(seen, register_wh), self.chains, self.peak_w
        else:
            added, is_smooth, peak_w = self._extended(origin, seen, register_wh)
            kept = tuple([chain for chain in self.chains if chain is not origin]) if is_smooth else self.chains
        chains = (added,) if not kept else pruned((added, *kept), is_named)
        new_best = chains[0]
        is_start = origin is None and added.has_start and not added.has_reset and (best is None or added.score > 1)
        meter = Meter(
            register_wh if is_start else self.start_wh,
            self.started_us,
            self.start_received_us,
            self.max_power_w,
            self.count,
            chains,
            self.intervals,
            peak_w,
            self._shown(new_best, chains),
            is_named,
            self.figures + 1,
            self.aside_wh if new_best is added else register_wh,
            self.is_start_replaced or (is_start and self.start_wh is not None),
            self.end_wh,
            self.power_w,
            self.power_at_us,
            self.work_wus,
            self._beyond(added, new_best, seen, register_wh),
        )
        if new_best is added:
            is_next = best is None or (origin is best and added.is_held >= origin.is_held)
            return meter, COUNTED if is_next else SWITCHED
        return meter, self._fit(seen, register_wh) if new_best is best else SWITCHED

    @property
    def is_shown_contradicted(self) -> bool:
        """Whether the energy that was shown is more than what rising figures since then come to."""
        best = self.best
        if best is None or best.rises < SURE_RISES:
            return False
        return best.sure_wh + MAX_FALL_WH < (self.shown_wh or 0)

    def _beyond(self, added: Chain, new_best: Chain, seen: Observation, register_wh: int) -> int:
        """Return how many figures in a row are beyond the connector's power, from `MAX_BEYOND` on for good."""
        if new_best is added:
            return self.beyond if self.is_outpaced and not added.has_start else 0
        is_beyond = self.best is not None and self.bound.is_beyond(self.best, register_wh, seen.at_us, seen.received_us)
        return self.beyond + is_beyond

    @property
    def is_outpaced(self) -> bool:
        """Whether the register rises faster than the connector is known to deliver."""
        return self.beyond >= MAX_BEYOND

    def _fit(self, seen: Observation, register_wh: int) -> Fit:
        """Return why a figure is not counted."""
        best = self.best
        if best is not None and register_wh > best.last_wh:
            return Fit.TOO_MUCH
        return Fit.CONTRADICTED if best is not None and best.figures > 1 else Fit.OTHER_REGISTER

    def _goes_on(self, origin: Chain | None, seen: Observation, register_wh: int) -> bool:
        """Whether a figure that names no session goes on with the best chain as that did."""
        if origin is None or origin is not self.best:
            return False
        return self.bound.is_likely(origin, register_wh, seen.at_us, seen.received_us)

    def is_possible(self, energy_wh: int, at_us: int, received_us: int) -> bool:
        """Whether the connector can have delivered this energy since the session's start."""
        return energy_wh <= RESOLUTION_WH or (
            energy_wh <= self.bound_wh(self.started_us, self.start_received_us, at_us, received_us)
        )

    def bound_wh(self, from_us: int, from_received_us: int, to_us: int, to_received_us: int) -> int:
        """Return the most that the connector can deliver between two instants, with the slack."""
        return self.bound.most_wh(between(from_us, from_received_us, to_us, to_received_us))

    def _extended(self, origin: Chain, seen: Observation, register_wh: int) -> tuple[Chain, bool, int]:
        """Return a chain with its next figure, whether nothing speaks for the chain without it, and the peak power."""
        rise_wh = register_wh - origin.last_wh
        elapsed_us = between(origin.at_us, origin.received_us, seen.at_us, seen.received_us)
        is_held, peak_w = origin.is_held, self.peak_w
        chain_us = origin.elapsed_us + elapsed_us
        last_wh = register_wh if rise_wh > 0 else origin.last_wh
        energy_wh = origin.before_wh + last_wh - origin.base_wh
        is_steep = (energy_wh - RESOLUTION_WH) * HOUR_US > self.max_power_w * chain_us
        if rise_wh > RESOLUTION_WH or is_held or is_steep:
            is_held, peak_w = self.bound.held(origin, rise_wh, elapsed_us)
        beyond_wh = rise_wh - RESOLUTION_WH
        is_smooth = not is_held and (beyond_wh <= 0 or beyond_wh * HOUR_US <= smooth_w(peak_w) * elapsed_us)
        if rise_wh > 0 and not is_held:
            peak_w = risen_peak_w(peak_w, self.max_power_w, rise_wh, elapsed_us)
        gain = 0 if rise_wh <= 0 or is_held or is_placeholder(register_wh) else 1 + origin.is_held
        rises = origin.rises + (rise_wh > 0)
        is_sure = not is_held and (not origin.has_reset or rises >= SURE_RISES)
        return (
            Chain(
                self.count,
                origin.id,
                origin.base_wh,
                origin.before_wh,
                last_wh,
                seen.at_us if seen.at_us > origin.at_us else origin.at_us,
                seen.received_us,
                origin.score + gain,
                origin.figures + 1,
                rises,
                energy_wh if is_sure else origin.sure_wh,
                origin.has_start,
                origin.is_named or seen.is_named,
                is_held,
                origin.has_reset,
                chain_us,
                not seen.is_named,
                origin.is_doubtful
                or (len(self.chains) > 1 and self._is_passed_over(origin, register_wh, seen.at_us, seen.received_us)),
            ),
            (is_smooth or rise_wh <= 0) and (seen.is_named or origin.is_inferred or not origin.is_of_session),
            peak_w,
        )

    def _is_passed_over(self, origin: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a figure that goes on with another chain than the best speaks against a later figure."""
        return any(
            self.bound.can_begin_anew(chain, register_wh, at_us, received_us)
            and (
                (register_wh > origin.last_wh and origin.is_reset_by(chain))
                or (
                    origin is not self.best
                    and chain.last_wh > register_wh + MAX_FALL_WH
                    and (chain.base_wh, chain.before_wh) == (origin.base_wh, origin.before_wh)
                    and chain.rises > 0
                    and not chain.is_inferred
                    and not is_placeholder(chain.last_wh)
                )
            )
            for chain in self.chains
        )

    def _new_chain(self, seen: Observation, register_wh: int) -> Chain:
        """Return the chain that begins with a figure which follows no other: a reset, or another register."""
        best = self.best
        is_early = seen.is_named and seen.at_us - self.started_us <= CLOCK_SLACK_US
        is_first = best is None and (is_early or seen.context == BEGIN)  # it stands for a start that was not sent
        is_begin = is_first or (seen.context == BEGIN and not is_placeholder(register_wh))
        is_zero = seen.context == BEGIN and register_wh == 0 and best is not None and best.figures == 1
        is_start = is_begin and (best is None or best.figures == 1)
        has_risen = best is not None and best.has_risen and not best.is_unsure
        if best is not None and has_risen and not is_begin and self._is_anew(best, seen, register_wh):
            base_wh = self._rolled_over(best, seen, register_wh)
            return Chain(
                self.count,
                best.id,
                base_wh,
                best.energy_wh,
                register_wh,
                seen.at_us,
                seen.received_us,
                best.score + 1 - RESET_COST,
                best.figures + 1,
                sure_wh=best.sure_wh,
                has_start=best.has_start,
                is_named=seen.is_named,
                has_reset=True,
                elapsed_us=best.elapsed_us + between(best.at_us, best.received_us, seen.at_us, seen.received_us),
                is_inferred=not seen.is_named,
            )
        is_from_zero = not is_begin and self._counts_from_zero(register_wh, seen)
        since_start_us = between(self.started_us, self.start_received_us, seen.at_us, seen.received_us)
        return Chain(
            self.count,
            0,
            0 if is_from_zero else register_wh,
            0,
            register_wh,
            seen.at_us,
            seen.received_us,
            2 if is_begin and best is not None and not is_placeholder(register_wh) else 1,
            has_start=is_start or is_zero,
            is_named=seen.is_named,
            elapsed_us=since_start_us if is_from_zero else 0,
            is_inferred=not seen.is_named,
        )

    def _is_anew(self, best: Chain, seen: Observation, register_wh: int) -> bool:
        """Whether a figure may come from the meter after a reset, or from the one that took its place."""
        is_above = self.bound.is_beyond(best, register_wh, seen.at_us, seen.received_us)
        is_other_kind = is_placeholder(register_wh) or is_thousandfold(best.last_wh, register_wh)
        return register_wh < best.last_wh or not (is_above or is_other_kind)

    def _rolled_over(self, best: Chain, seen: Observation, register_wh: int) -> int:
        """Return the register at which a meter began anew, below zero if it has counted past its last digit."""
        for edge_wh in ROLLOVERS_WH:
            base_wh = best.last_wh - edge_wh
            if base_wh <= 0 and self.bound.is_likely(best, register_wh + edge_wh, seen.at_us, seen.received_us):
                return base_wh
        return register_wh

    def _counts_from_zero(self, register_wh: int, seen: Observation) -> bool:
        """Whether a first figure below the start's can be a register that began with the session."""
        if self.start_wh is None or not 0 <= register_wh < self.start_wh or is_thousandfold(register_wh, self.start_wh):
            return False
        if self.best is not None and self.best.has_start and self.best.elapsed_us > 0:
            return False  # a sample has shown that the samples are of the start's register
        elapsed_us = between(self.started_us, self.start_received_us, seen.at_us, seen.received_us)
        return (register_wh - ROUNDING_WH) * HOUR_US <= self.bound.likely_w * elapsed_us

    def _with_interval(self, seen: Observation, interval_wh: int) -> tuple[Meter, Fit]:
        of_context = next((sum_ for sum_ in self.intervals if sum_.context == seen.context), None)
        before = of_context or Interval(seen.context, 0, self.started_us, self.start_received_us)
        bound_wh = self.bound_wh(before.at_us, before.received_us, seen.at_us, seen.received_us)
        energy_wh = before.energy_wh + interval_wh
        is_possible = self.is_possible(energy_wh, seen.at_us, seen.received_us) or (
            seen.at_us <= before.at_us and energy_wh <= self.bound.most_wh(seen.received_us - self.start_received_us)
        )
        is_new = of_context is None and len(self.intervals) >= MAX_CHAINS
        if is_new or not is_possible or not 0 <= interval_wh <= bound_wh:
            return self, Fit.TOO_MUCH
        added = Interval(seen.context, before.energy_wh + interval_wh, seen.at_us, seen.received_us)
        intervals = (*(sum_ for sum_ in self.intervals if sum_ is not of_context), added)
        meter = replace(self, intervals=intervals)
        if meter.best is None or not meter.best.has_risen:
            meter = replace(meter, shown_wh=max(meter.shown_wh or 0, meter.interval_wh or 0))
        return meter, COUNTED

    @property
    def interval_wh(self) -> int | None:
        """The energy by intervals: that of the context with the most, never of two."""
        return max((sum_.energy_wh for sum_ in self.intervals), default=None)

    def _shown(self, best: Chain, chains: tuple[Chain, ...]) -> int | None:
        """Return the energy to show: it never falls, and is not known while the first figures contradict the start."""
        is_bare = best.rises == 0 and not best.has_reset and best.figures <= MAX_BARE
        is_contradicted = is_bare and len(chains) > 1 and not self.intervals
        if is_contradicted or (not best.has_start and is_thousandfold(best.base_wh, self.start_wh or 0)):
            return self.shown_wh or None
        sure_wh = best.sure_wh
        return sure_wh if self.shown_wh is None or sure_wh > self.shown_wh else self.shown_wh


def begin(start_wh: int | None, started_us: int, received_us: int, max_power_w: int = DEFAULT_MAX_POWER_W) -> Meter:
    """Return the meter of a session that begins. `start_wh` is None or negative if the charger sent none."""
    if start_wh is None or start_wh < 0:
        return Meter(None, started_us, received_us, max_power_w)
    start = of_start(start_wh, started_us, received_us)
    return Meter(start_wh, started_us, received_us, max_power_w, chains=(start,), figures=1)


def _is_reset_likelier(best: Chain | None, origin: Chain | None, register_wh: int) -> bool:
    """Whether a figure that fits the start alone is better explained by a reset of the best chain."""
    if best is None or origin is None or origin.rises > 0 or register_wh >= best.last_wh:
        return False
    return origin.score < best.score - RESET_COST
