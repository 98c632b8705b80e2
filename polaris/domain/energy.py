"""The energy of a session, made out from all that is known of it: its registers, intervals, instants and bounds.

A register counts energy upwards from somewhere: a meter's lifetime, the session's start, or the last reset. Registers
of several kinds may be mixed in one session, with figures that are no registers at all. A `Chain` is a run of register
figures each of which can follow the one before it: it does not fall, and has not risen by more than the connector can
deliver in the time. A `Meter` keeps the few chains that may still turn out to be the session's register, each with a
score: the number of figures that have moved it on. The best chain gives the session's energy, and the figures outside
of it are set aside. If no chain explains the figures, the energy is not known.

`Meter.add` takes observations in order of their instants, those of one instant in the order of receipt, so a session is
rebuilt by adding all of them again. Energy is in whole Wh, power in W, instants in microseconds (UTC).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from polaris.domain.data_quality import MIN_FACTOR, Note, is_thousandfold
from polaris.domain.limits import DEFAULT_MAX_POWER_W
from polaris.domain.metering import BEGIN, END

# The slack of the bound. Clocks of chargers are right to two minutes at best, and some registers count whole kWh.
CLOCK_SLACK_S = 120
RESOLUTION_WH = 1000
MAX_REGISTER_WH = 10**11  # more than the strongest connector delivers in thirty years

MAX_CHAINS = 4  # of one session; without it a faulty meter would fill the row
MAX_LAG = 4  # of a chain's score behind the best; further behind it is noise, and would be carried along for ever
MAX_FALL_WH = 1000  # within a chain: rounding, or a figure from before the last; a larger fall is a reset or a fault
RESET_COST = 2  # of a chain's score: two figures have to confirm that the register was reset
SURE_RISES = 2  # after a reset until it shows live: it can be a fault that passes

# A rise that needs more power than this, or than twice the power seen so far, is shown once the next one confirms it.
USUAL_POWER_W = 100_000
LIKELY_POWER_W = 50_000  # where a figure has to prove that it belongs here
ROUNDING_WH = 500  # beside the usual power, where a figure has to prove that it belongs here
MAX_BARE = 3  # figures without a rise after which the start is no longer in doubt, whatever comes
POWER_SLACK = 1.1  # of a connector's greatest power: chargers measure a little more than they are rated for
MIN_METERED_WH = 2000  # beyond the resolution of any meter, since some count whole kWh
_NINES = frozenset(10**digits - 1 for digits in range(1, 16))
HOUR_US = 3_600_000_000
CLOCK_SLACK_US = CLOCK_SLACK_S * 1_000_000
UNKNOWN_US = 100_000 * HOUR_US


class Observation(Struct, frozen=True, gc=False):
    """A report of a charger's meter for one instant. `is_named` tells that the message named the session."""

    at_us: int
    received_us: int
    register_wh: int | None = None
    interval_wh: int | None = None
    context: str = ""
    power_w: int | None = None
    is_named: bool = True


class Chain(Struct, frozen=True, array_like=True, gc=False):
    """A run of register figures that can be one register's, perhaps with resets.

    `energy_wh` is what was delivered by its last figure, `sure_wh` the part of it that may be shown.
    """

    id: int  # the ordinal of its last figure's observation; 0 for the register that was sent with the start
    after: int  # the id before that
    base_wh: int  # the register at which the present piece began,
    before_wh: int  # and the energy before it
    last_wh: int
    at_us: int
    received_us: int
    score: int = 1
    figures: int = 1  # how many it has, with the start
    rises: int = 0  # how many of the present piece rose
    sure_wh: int = 0
    has_start: bool = False
    is_named: bool = False  # one of its figures named the session
    is_held: bool = False  # its last rise was unusual and has not been confirmed
    has_reset: bool = False
    # From the session's start or, if it has another register, from its first figure; enough if stored without.
    elapsed_us: int = UNKNOWN_US
    is_inferred: bool = False  # its last figure named no session
    is_doubtful: bool = False  # it has passed over a figure: false, or before a reset, and nothing tells which

    @property
    def energy_wh(self) -> int:
        return self.before_wh + self.last_wh - self.base_wh


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

    @property
    def best(self) -> Chain | None:
        return self.chains[0] if self.chains else None

    def add(self, seen: Observation) -> tuple[Meter, Fit]:
        """Return the meter after an observation, and how it was used."""
        meter, register_wh = self._counted(seen), seen.register_wh
        if register_wh is None:
            return (meter, Fit.NONE) if seen.interval_wh is None else meter._with_interval(seen, seen.interval_wh)
        if not 0 <= register_wh <= MAX_REGISTER_WH:
            aside = replace(meter, figures=self.figures + 1, aside_wh=max(0, register_wh))
            return aside, Fit.CONTRADICTED
        # Some chargers repeat the begin in every message. `close` takes an end if need be.
        if seen.context == BEGIN and register_wh == self.start_wh and _has_risen(self.best):
            return meter, Fit.NONE
        if seen.context == END:
            return meter if self._is_worse_end(seen, register_wh) else replace(meter, end_wh=register_wh), Fit.NONE
        if seen.interval_wh is not None:
            meter, _ = meter._with_interval(seen, seen.interval_wh)
        return meter._with_register(seen, register_wh)

    def _counted(self, seen: Observation) -> Meter:
        """Return the meter with an observation's number and power."""
        power_w = seen.power_w
        if power_w is None or power_w > POWER_SLACK * self.max_power_w:
            return replace(self, count=self.count + 1)
        work_wus = self.work_wus
        if self.power_w is not None and seen.at_us > self.power_at_us:
            work_wus += min(power_w, self.power_w) * (seen.at_us - self.power_at_us)
        peak_w = power_w if self.peak_w < power_w <= self.max_power_w else self.peak_w
        return replace(
            self, count=self.count + 1, peak_w=peak_w, power_w=power_w, power_at_us=seen.at_us, work_wus=work_wus
        )

    @property
    def work_wh(self) -> int:
        """The energy that the reported power comes to."""
        return self.work_wus // HOUR_US

    def lacks(self, energy_wh: int) -> bool:
        """Whether far more energy must have flowed, by the power that was reported: none was counted, or not in Wh."""
        return self.work_wus >= MIN_METERED_WH * HOUR_US and energy_wh * MIN_FACTOR * HOUR_US <= self.work_wus

    def _is_worse_end(self, seen: Observation, register_wh: int) -> bool:
        """Whether a register at the end follows the readings worse than the one before it."""
        best, before_wh = self.best, self.end_wh
        if best is None or before_wh is None or _is_no_value(self, before_wh):
            return False
        at_us, received_us = seen.at_us, seen.received_us
        return is_placeholder(register_wh) or any(
            self.follows(chain, before_wh, at_us, received_us) for chain in self.chains
        )

    def _with_register(self, seen: Observation, register_wh: int) -> tuple[Meter, Fit]:
        best, origin = self.best, None
        is_named = self.is_named or seen.is_named
        for chain in self.chains:
            if origin is not None and (chain.score, chain.last_wh) <= (origin.score, origin.last_wh):
                continue  # of two chains with one score, the nearer register goes on
            if self.follows(chain, register_wh, seen.at_us, seen.received_us, seen.is_named):
                origin = chain
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
        chains = (added,) if not kept else _pruned((added, *kept), is_named)
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
        )
        if new_best is added:
            is_next = best is None or (origin is best and added.is_held >= origin.is_held)
            return meter, Fit.COUNTED if is_next else Fit.SWITCHED
        return meter, self._fit(seen, register_wh) if new_best is best else Fit.SWITCHED

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
        return self.is_likely(origin, register_wh, seen.at_us, seen.received_us)

    def is_likely(self, chain: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a rise needs no more power than was seen so far, without any slack: else it has to be proven."""
        elapsed_us = _between(chain.at_us, chain.received_us, at_us, received_us)
        return (register_wh - chain.last_wh - ROUNDING_WH) * HOUR_US <= self._likely_w * elapsed_us

    @property
    def _likely_w(self) -> int:
        return min(self.max_power_w, max(LIKELY_POWER_W, 2 * self.peak_w))

    def follows(self, chain: Chain, register_wh: int, at_us: int, received_us: int, is_named: bool = True) -> bool:
        """Whether a register figure can be the next of a chain."""
        rise_wh = register_wh - chain.last_wh
        if rise_wh < 0:  # what names the session is not bound by what does not
            is_small = -rise_wh <= MAX_FALL_WH and -2 * rise_wh <= chain.last_wh - chain.base_wh
            return is_small and not (is_named and chain.is_inferred)
        energy_wh = chain.before_wh + register_wh - chain.base_wh
        if energy_wh <= RESOLUTION_WH:
            return True
        elapsed_us = _between(chain.at_us, chain.received_us, at_us, received_us)
        if rise_wh > RESOLUTION_WH and rise_wh > self._most_wh(elapsed_us):
            return False
        chain_us = chain.elapsed_us + elapsed_us + CLOCK_SLACK_US
        return (energy_wh - RESOLUTION_WH) * HOUR_US <= self.max_power_w * chain_us

    def is_possible(self, energy_wh: int, at_us: int, received_us: int) -> bool:
        """Whether the connector can have delivered this energy since the session's start."""
        return energy_wh <= RESOLUTION_WH or (
            energy_wh <= self.bound_wh(self.started_us, self.start_received_us, at_us, received_us)
        )

    def bound_wh(self, from_us: int, from_received_us: int, to_us: int, to_received_us: int) -> int:
        """Return the most that the connector can deliver between two instants, with the slack."""
        return self._most_wh(_between(from_us, from_received_us, to_us, to_received_us))

    def _most_wh(self, elapsed_us: int) -> int:
        return RESOLUTION_WH + self.max_power_w * (elapsed_us + CLOCK_SLACK_US) // HOUR_US

    def _usual_wus(self, chain: Chain, elapsed_us: int) -> int:
        """Return the energy in W µs that is no surprise by what was seen so far: nothing, before a first rise."""
        usual_w = min(self.max_power_w, max(USUAL_POWER_W, 2 * self.peak_w))
        return usual_w * elapsed_us + (usual_w if chain.rises else self.max_power_w) * CLOCK_SLACK_US

    def is_unusual(self, chain: Chain, register_wh: int, at_us: int, received_us: int) -> bool:
        """Whether a rise needs far more power than was seen so far, though the connector could deliver it."""
        beyond_wh = register_wh - chain.last_wh - RESOLUTION_WH
        if beyond_wh <= 0:
            return False
        elapsed_us = _between(chain.at_us, chain.received_us, at_us, received_us)
        return beyond_wh * HOUR_US > self._usual_wus(chain, elapsed_us)

    def _extended(self, origin: Chain, seen: Observation, register_wh: int) -> tuple[Chain, bool, int]:
        """Return a chain with its next figure, whether nothing speaks for the chain without it, and the peak power."""
        rise_wh = register_wh - origin.last_wh
        elapsed_us = _between(origin.at_us, origin.received_us, seen.at_us, seen.received_us)
        is_held, peak_w = origin.is_held, self.peak_w
        chain_us = origin.elapsed_us + elapsed_us
        last_wh = register_wh if rise_wh > 0 else origin.last_wh
        energy_wh = origin.before_wh + last_wh - origin.base_wh
        is_steep = (energy_wh - RESOLUTION_WH) * HOUR_US > self.max_power_w * chain_us
        if rise_wh > RESOLUTION_WH or is_held or is_steep:
            is_held, peak_w = self._held(origin, rise_wh, elapsed_us)
        beyond_wh = rise_wh - RESOLUTION_WH
        is_smooth = not is_held and (beyond_wh <= 0 or beyond_wh * HOUR_US <= 2 * max(peak_w, 5000) * elapsed_us)
        if rise_wh > 0 and not is_held and elapsed_us >= CLOCK_SLACK_US:
            peak_w = max(peak_w, min(self.max_power_w, rise_wh * HOUR_US // elapsed_us))
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
                origin.is_doubtful or (len(self.chains) > 1 and self._is_passed_over(origin, register_wh)),
            ),
            (is_smooth or rise_wh <= 0) and (seen.is_named or origin.is_inferred or not _is_sure(origin)),
            peak_w,
        )

    def _held(self, origin: Chain, rise_wh: int, elapsed_us: int) -> tuple[bool, int]:
        """Return whether a rise has to be confirmed by the next, and the peak power."""
        most_wus = self.max_power_w * (origin.elapsed_us + elapsed_us)  # over the whole chain, with little slack
        beyond_wh = origin.energy_wh + rise_wh - RESOLUTION_WH
        is_steep = beyond_wh * HOUR_US > most_wus + self.max_power_w * CLOCK_SLACK_US
        if is_steep or rise_wh <= 0:
            return is_steep or origin.is_held, self.peak_w
        beyond_wh = rise_wh - RESOLUTION_WH
        if beyond_wh <= 0:
            return False, self.peak_w
        if not origin.is_held:
            return beyond_wh * HOUR_US > self._usual_wus(origin, elapsed_us), self.peak_w
        if beyond_wh * HOUR_US > self.max_power_w * elapsed_us:
            return True, self.peak_w
        return False, max(self.peak_w, beyond_wh * HOUR_US // elapsed_us)

    def _is_passed_over(self, origin: Chain, register_wh: int) -> bool:
        """Whether a figure that goes on with another chain than the best speaks against a later figure."""
        if register_wh > origin.last_wh and any(_is_reset_after(origin, chain) for chain in self.chains):
            return True
        return origin is not self.best and any(
            chain.last_wh > register_wh + MAX_FALL_WH
            and (chain.base_wh, chain.before_wh) == (origin.base_wh, origin.before_wh)
            and chain.rises > 0
            and not chain.is_inferred
            and not is_placeholder(chain.last_wh)
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
        has_risen = best is not None and _has_risen(best) and not _is_unsure(best)
        if best is not None and has_risen and register_wh < best.last_wh and not is_begin:
            return Chain(
                self.count,
                best.id,
                register_wh,
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
                elapsed_us=best.elapsed_us + _between(best.at_us, best.received_us, seen.at_us, seen.received_us),
                is_inferred=not seen.is_named,
            )
        is_from_zero = not is_begin and self._counts_from_zero(register_wh, seen)
        since_start_us = _between(self.started_us, self.start_received_us, seen.at_us, seen.received_us)
        return Chain(
            self.count,
            0,
            0 if is_from_zero else register_wh,
            0,
            register_wh,
            seen.at_us,
            seen.received_us,
            2 if is_begin and not is_placeholder(register_wh) else 1,
            has_start=is_start or is_zero,
            is_named=seen.is_named,
            elapsed_us=since_start_us if is_from_zero else 0,
            is_inferred=not seen.is_named,
        )

    def _counts_from_zero(self, register_wh: int, seen: Observation) -> bool:
        """Whether a first figure below the start's can be a register that began with the session."""
        if self.start_wh is None or not 0 <= register_wh < self.start_wh or is_thousandfold(register_wh, self.start_wh):
            return False
        if self.best is not None and self.best.has_start and self.best.elapsed_us > 0:
            return False  # a sample has shown that the samples are of the start's register
        elapsed_us = _between(self.started_us, self.start_received_us, seen.at_us, seen.received_us)
        return (register_wh - ROUNDING_WH) * HOUR_US <= self._likely_w * elapsed_us

    def _with_interval(self, seen: Observation, interval_wh: int) -> tuple[Meter, Fit]:
        of_context = next((sum_ for sum_ in self.intervals if sum_.context == seen.context), None)
        before = of_context or Interval(seen.context, 0, self.started_us, self.start_received_us)
        bound_wh = self.bound_wh(before.at_us, before.received_us, seen.at_us, seen.received_us)
        energy_wh = before.energy_wh + interval_wh
        is_possible = self.is_possible(energy_wh, seen.at_us, seen.received_us) or (
            seen.at_us <= before.at_us and energy_wh <= self._most_wh(seen.received_us - self.start_received_us)
        )
        is_new = of_context is None and len(self.intervals) >= MAX_CHAINS
        if is_new or not is_possible or not 0 <= interval_wh <= bound_wh:
            return self, Fit.TOO_MUCH
        added = Interval(seen.context, before.energy_wh + interval_wh, seen.at_us, seen.received_us)
        intervals = (*(sum_ for sum_ in self.intervals if sum_ is not of_context), added)
        meter = replace(self, intervals=intervals)
        shown_wh = meter.shown_wh if _is_metered(meter.best) else max(meter.shown_wh or 0, meter.interval_wh or 0)
        return replace(meter, shown_wh=shown_wh), Fit.COUNTED

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


class Total(Struct, frozen=True):
    """A session's final energy, None if it is not known, with the chain that it comes from."""

    energy_wh: int | None
    notes: frozenset[Note] = frozenset()
    chain: Chain | None = None
    uses_end: bool = False
    end_wh: int | None = None  # the register at the end, if the total uses one: the end's own, or a reading's


def begin(start_wh: int | None, started_us: int, received_us: int, max_power_w: int = DEFAULT_MAX_POWER_W) -> Meter:
    """Return the meter of a session that begins. `start_wh` is None or negative if the charger sent none."""
    if start_wh is None or start_wh < 0:
        return Meter(None, started_us, received_us, max_power_w)
    start = _start(start_wh, started_us, received_us)
    return Meter(start_wh, started_us, received_us, max_power_w, chains=(start,), figures=1)


def _start(register_wh: int, at_us: int, received_us: int) -> Chain:
    return Chain(0, 0, register_wh, 0, register_wh, at_us, received_us, has_start=True, elapsed_us=0)


def live(meter: Meter) -> Total:
    """Return the energy of a session that goes on."""
    best = meter.best
    is_metered = best is not None and best.rises > 0
    notes = _notes(meter, best) if best is not None and is_metered else frozenset()
    if best is not None and _aside(meter, best) > 1:  # one alone may still turn out to be right
        notes |= {Note.READINGS_SET_ASIDE}
    return Total(meter.shown_wh, notes, best)


def close(meter: Meter, end_wh: int | None, at_us: int, received_us: int) -> Total:
    """Return the total of a session that has ended, by its meter and the register at its end, if one was sent."""
    total = _closed(meter, end_wh, at_us, received_us)
    if total.energy_wh is None:
        return total
    if meter.lacks(total.energy_wh):
        note = Note.UNIT_DOUBTFUL if total.energy_wh else Note.NOT_METERED
        return replace(total, energy_wh=None, notes=total.notes | {note, Note.NOT_KNOWN})
    is_doubtful = is_thousandfold(total.energy_wh, meter.work_wh)
    return replace(total, notes=total.notes | {Note.UNIT_DOUBTFUL}) if is_doubtful else total


def _closed(meter: Meter, end_wh: int | None, at_us: int, received_us: int) -> Total:
    ends = [register_wh for register_wh in (end_wh, meter.end_wh) if register_wh is not None]
    if not ends:
        return _without_end(meter, Note.FINAL_MISSING)
    total = _with_end(meter, ends[0], at_us, received_us)
    if ends[-1] == ends[0]:
        return total
    return _of_two_ends(meter, total, _with_end(meter, ends[1], at_us, received_us), ends)


def _of_two_ends(meter: Meter, total: Total, other: Total, ends: list[int]) -> Total:
    """Return the better of two totals: by the end's own register, or by that of a reading of the end."""
    end_wh, other_wh = ends
    if not other.uses_end or (total.uses_end and _is_no_value(meter, other_wh)):
        return total
    is_right = total.uses_end and not _is_no_value(meter, end_wh)
    if is_right and _has_start(total) == _has_start(other):
        is_same = abs((total.energy_wh or 0) - (other.energy_wh or 0)) <= RESOLUTION_WH
        return total if is_same else _not_known(Note.FINAL_DOUBTED)
    if is_right and _has_start(total):
        return total
    return replace(other, notes=other.notes | {Note.FINAL_DOUBTED}, uses_end=False)


def _not_known(note: Note) -> Total:
    return Total(None, frozenset({note, Note.NOT_KNOWN}))


def _has_start(total: Total) -> bool:
    return total.chain is not None and total.chain.has_start


def _with_end(meter: Meter, end_wh: int, at_us: int, received_us: int) -> Total:
    """Return the total by a register at the end, or by the readings if that is doubted."""
    best = meter.best
    chain = _ending(meter, end_wh, at_us, received_us)
    if chain is None and best is not None and _is_inflated(meter, best, end_wh):
        return _not_known(_doubt(best, end_wh))
    if chain is None:
        return _without_end(meter, _doubt(best, end_wh))
    is_right = best is None or chain is best or _outweighs(chain, end_wh, best)
    is_unusual = meter.is_unusual(chain, end_wh, at_us, received_us)
    if is_right and is_unusual and best is not chain and best is not None and _is_unit_of(best, end_wh):
        is_right = None
    if is_right is None and not is_placeholder(end_wh):
        return _not_known(_doubt(best, end_wh))
    if not is_right or (chain.rises > 0 and is_unusual and is_placeholder(end_wh)):
        return _without_end(meter, _doubt(best, end_wh))
    is_doubtful = chain.is_doubtful and not any(_is_caught_up(chain, other, end_wh) for other in meter.chains)
    if is_doubtful or any(_is_reset_after(chain, other) for other in meter.chains):
        return _not_known(Note.READINGS_SET_ASIDE)
    return _ended(meter, chain, end_wh)


def _is_caught_up(chain: Chain, other: Chain, end_wh: int) -> bool:
    """Whether the end goes on from the higher figure of another chain too, so that both come to one total."""
    is_same_piece = (other.base_wh, other.before_wh) == (chain.base_wh, chain.before_wh)
    return is_same_piece and chain.last_wh < other.last_wh <= end_wh


def _ending(meter: Meter, end_wh: int, at_us: int, received_us: int) -> Chain | None:
    """Return the chain that a register at the end follows, or None if there is none."""
    ends = [
        chain
        for chain in _with_start(meter)
        if (chain.is_named or chain.has_start or meter.is_likely(chain, end_wh, at_us, received_us))
        and meter.follows(chain, end_wh, at_us, received_us)
        and meter.is_possible(chain.energy_wh + end_wh - chain.last_wh, at_us, received_us)
    ]
    if not ends:
        return None
    chain = max(ends, key=lambda chain: (chain.is_named or chain.has_start, *_rank(chain)))
    if not chain.has_start:  # the end may follow both the readings and the start: it belongs to the nearer
        is_unusual = meter.is_unusual(chain, end_wh, at_us, received_us)
        nearer = [
            other
            for other in ends
            if other.has_start
            and (is_unusual or chain.last_wh < other.last_wh <= end_wh)
            and agrees(chain, end_wh - other.base_wh)
        ]
        chain = nearer[0] if nearer else chain
    return chain


def _doubt(best: Chain | None, end_wh: int) -> Note:
    return Note.FINAL_BELOW_READINGS if best is not None and end_wh < best.last_wh else Note.FINAL_DOUBTED


def _ended(meter: Meter, chain: Chain, end_wh: int) -> Total:
    """Return the total of a chain that goes on to the register at the end."""
    best = meter.best
    ended = replace(chain, last_wh=max(chain.last_wh, end_wh))
    if meter.interval_wh is not None and not _is_metered(chain) and meter.interval_wh > 2 * ended.energy_wh:
        return Total(meter.interval_wh, frozenset({Note.FINAL_DOUBTED}))  # its register does not count
    notes = _notes(meter, ended)
    if end_wh < chain.last_wh:
        notes |= {Note.FINAL_BELOW_READINGS}
    if best is not None and best is not chain and best.rises > 0:
        notes |= {_note_on_readings(meter, best, ended.energy_wh, end_wh)}
    elif _aside(meter, chain) > 0:
        notes |= {_note_on_aside(meter, end_wh, is_alone=chain.rises == 0)}
    energy_wh = ended.energy_wh if _is_whole(meter, ended) else max(ended.energy_wh, meter.interval_wh or 0)
    return Total(energy_wh, notes, chain, uses_end=True, end_wh=end_wh)


def path(chain: Chain | None, chains: Mapping[int, Chain]) -> list[Chain]:
    """Return a chain as it was after each of its figures, the newest first, from all chains by their ids."""
    found = []
    while chain is not None:
        found.append(chain)
        chain = chains.get(chain.after) if chain.figures > 1 else None
    return found


def confirmed(path: Iterable[Chain], total_wh: int | None) -> list[Chain]:
    """Return a chain's figures, the newest first, none held whose rise a later figure or the total has confirmed."""
    found, sure_wh = [], -1 if total_wh is None else total_wh
    for chain in path:
        if not chain.is_held:
            sure_wh = max(sure_wh, chain.energy_wh)
        found.append(replace(chain, is_held=False) if chain.is_held and chain.energy_wh <= sure_wh else chain)
    return found


def is_placeholder(register_wh: int) -> bool:
    """Whether a register is of the kind that stands for no value: all bits set, or all digits nine."""
    return register_wh & (register_wh + 1) == 0 or register_wh in _NINES


def _without_end(meter: Meter, note: Note) -> Total:
    """Return the total by the readings alone, since there is no register at the end, or it cannot be right."""
    best = meter.best
    if best is not None and best.is_doubtful:
        return _not_known(note)
    if best is not None and note is Note.FINAL_DOUBTED and not best.is_named and best.rises > 0:
        best = None  # figures that name no session against the end's
    if best is not None and _is_metered(best):
        if _is_noise(best) or (best.rises == 0 and any(chain.rises and not _is_noise(chain) for chain in meter.chains)):
            return _not_known(note)
        is_alone = best.rises == 1
        aside = {_note_on_aside(meter, best.last_wh, is_alone=is_alone)} if _aside(meter, best) > 0 else set()
        # A last rise that is unusual counts if there is nothing else.
        is_noise = best.is_held and best.rises > 1 and is_placeholder(best.last_wh)
        energy_wh = best.sure_wh if is_noise else best.energy_wh
        if _is_too_steep(meter, best, energy_wh):
            return _not_known(note)
        return Total(max(energy_wh, meter.interval_wh or 0), _notes(meter, best) | {note, *aside}, best)
    if meter.interval_wh is not None:
        return Total(meter.interval_wh, frozenset({note}))
    return _not_known(note)


def _is_inflated(meter: Meter, chain: Chain, end_wh: int) -> bool:
    """Whether a chain that no start vouches for may be in a unit that is a thousandth of the end's."""
    is_sure = chain.has_start and not chain.is_held
    if is_sure or chain.last_wh < end_wh or not is_thousandfold(chain.last_wh, end_wh):
        return False
    return _is_fast(chain, min(meter.max_power_w, USUAL_POWER_W))


def _is_fast(chain: Chain, power_w: int) -> bool:
    return chain.energy_wh * HOUR_US > power_w * chain.elapsed_us


def _is_no_value(meter: Meter, register_wh: int) -> bool:
    is_zero = register_wh == 0 and meter.best is not None and meter.best.last_wh == 0
    return is_placeholder(register_wh) and not is_zero


def _is_unit_of(chain: Chain, end_wh: int) -> bool:
    """Whether the end is above a chain that the start vouches for as Wh are above kWh."""
    return chain.has_start and end_wh > chain.last_wh and is_thousandfold(chain.energy_wh, end_wh - chain.base_wh)


def _is_reset_likelier(best: Chain | None, origin: Chain | None, register_wh: int) -> bool:
    """Whether a figure that fits the start alone is better explained by a reset of the best chain."""
    if best is None or origin is None or origin.rises > 0 or register_wh >= best.last_wh:
        return False
    return origin.score < best.score - RESET_COST


def _is_reset_after(chain: Chain, other: Chain) -> bool:
    """Whether another chain says that the register was reset after a chain's last figure."""
    is_reset = other.has_reset and other.rises > 0 and other.is_named and not is_placeholder(other.last_wh)
    return is_reset and not chain.has_reset and other.at_us > chain.at_us


def _is_unsure(chain: Chain) -> bool:
    """Whether neither a start nor a rise that is plausible vouches for a chain."""
    return not chain.has_start and chain.is_held and chain.sure_wh == 0


def _is_noise(chain: Chain) -> bool:
    """Whether a chain that no start vouches for has risen once, to what is no value."""
    return chain.rises == 1 and not chain.has_start and is_placeholder(chain.last_wh)


def _is_whole(meter: Meter, chain: Chain) -> bool:
    """Whether a chain begins with the session, not with a sample that came later."""
    since_us = _between(meter.started_us, meter.start_received_us, chain.at_us, chain.received_us)
    return chain.has_start and since_us <= chain.elapsed_us


def _is_too_steep(meter: Meter, chain: Chain, energy_wh: int) -> bool:
    """Whether a register that no start vouches for has risen faster than the connector can deliver, with no slack."""
    if energy_wh * HOUR_US <= meter.max_power_w * chain.elapsed_us or energy_wh <= chain.before_wh:
        return False
    return not _is_whole(meter, chain)


def _with_start(meter: Meter) -> list[Chain]:
    """Return the meter's chains, and the register at the start alone if it is no longer one of them."""
    chains = list(meter.chains)
    if meter.start_wh is not None and all(chain.last_wh != meter.start_wh for chain in chains):
        chains.append(_start(meter.start_wh, meter.started_us, meter.start_received_us))
    return chains


def _outweighs(chain: Chain, end_wh: int, best: Chain) -> bool | None:
    """Whether a chain that the register at the end follows outweighs the best of the readings, None if they tie."""
    energy_wh = chain.energy_wh + end_wh - chain.last_wh
    is_believable = best.energy_wh > energy_wh and not _is_fast(best, USUAL_POWER_W)  # or else in another unit
    if (is_thousandfold(best.energy_wh, energy_wh) and not is_believable) or (best.is_inferred and chain.has_start):
        return True
    if best.rises == 0:
        return chain.has_start or best.figures == 1 or not is_placeholder(end_wh)
    is_first_held = best.is_held and chain.rises == 0 and not is_placeholder(best.last_wh)
    if is_first_held and best.rises == 1:
        return None  # one figure against another
    return (is_first_held and best.sure_wh == 0) or _is_better_supported(chain, end_wh, best)


def _is_better_supported(chain: Chain, end_wh: int, best: Chain) -> bool | None:
    energy_wh = chain.energy_wh + end_wh - chain.last_wh
    is_elsewhere = chain.has_start and not chain.has_reset and chain.base_wh != best.base_wh  # than the readings
    agrees_ = agrees(best, energy_wh) or is_thousandfold(best.last_wh, end_wh)
    is_late_reset = chain.has_reset and chain.at_us > best.at_us and (chain.rises > 0 or not is_placeholder(end_wh))
    lead = chain.score + 1 - best.score
    if (is_elsewhere and agrees_) or (is_late_reset and lead >= 0):
        return True
    if not is_elsewhere and not is_late_reset and best.has_start and chain.rises == 0:
        return False  # the end fits the start, the readings do so as well
    if lead > 0 or (lead >= -1 and chain.figures > best.figures and not is_placeholder(end_wh)):
        return True
    return None if lead >= -1 or is_elsewhere else False


def _note_on_readings(meter: Meter, best: Chain, total_wh: int, end_wh: int) -> Note:
    """Return the note on readings that the total does not come from."""
    is_elsewhere = (not best.has_start or best.base_wh != meter.start_wh) and agrees(best, total_wh)
    if is_elsewhere and 2 * best.energy_wh >= total_wh:
        return Note.OTHER_REGISTER
    if is_thousandfold(best.energy_wh, total_wh) or is_thousandfold(best.last_wh, end_wh):
        return Note.UNIT_DOUBTFUL
    return Note.OTHER_REGISTER if is_elsewhere else Note.READINGS_SET_ASIDE


def _note_on_aside(meter: Meter, register_wh: int, *, is_alone: bool) -> Note:
    """Return the note on figures outside of a chain, given its last one; `is_alone` if no others prove its unit."""
    is_other_unit = is_alone and is_thousandfold(meter.aside_wh, register_wh)
    return Note.UNIT_DOUBTFUL if is_other_unit else Note.READINGS_SET_ASIDE


def agrees(chain: Chain, total_wh: int) -> bool:
    """Whether a chain of readings has no more energy than the total, with room for rounding."""
    return chain.sure_wh <= total_wh + total_wh // 10 + (RESOLUTION_WH if total_wh else 0)


def _notes(meter: Meter, chain: Chain) -> frozenset[Note]:
    notes = {Note.START_MISSING} if meter.is_start_replaced else set()
    if chain.has_reset:
        notes.add(Note.REGISTER_RESET)
    if not chain.has_start:
        notes.add(Note.COUNTED_FROM_ZERO if chain.base_wh == 0 and chain.before_wh == 0 else Note.START_MISSING)
    return frozenset(notes)


def _is_sure(chain: Chain) -> bool:
    """Whether nothing but the start and figures that name the session are in a chain."""
    return chain.is_named or (chain.has_start and chain.figures == 1)


def _aside(meter: Meter, chain: Chain) -> int:
    """Return how many registers a chain leaves out, a start that it has replaced not counted."""
    is_begun_by_reading = meter.is_start_replaced and chain.base_wh == meter.start_wh
    is_start_replaced = is_begun_by_reading if chain.has_start else meter.start_wh is not None
    return meter.figures - chain.figures - is_start_replaced


def _has_risen(chain: Chain | None) -> bool:
    return chain is not None and (chain.rises > 0 or chain.has_reset)


def _is_metered(chain: Chain | None) -> bool:
    """Whether a reading has moved a chain on."""
    return chain is not None and chain.figures > 1


def _between(from_us: int, from_received_us: int, to_us: int, to_received_us: int) -> int:
    """Return the time between two instants, by our clock if the charger's has not moved."""
    return to_us - from_us if to_us > from_us else max(0, to_received_us - from_received_us)


def _rank(chain: Chain) -> tuple[int, bool, int]:
    return chain.score, chain.has_start, chain.at_us


def _pruned(chains: tuple[Chain, ...], is_named: bool) -> tuple[Chain, ...]:
    """Return the chains worth keeping, the best first."""
    ranked = sorted(
        chains,
        key=lambda chain: (_is_sure(chain) or not is_named, *_rank(chain), chain.id),
        reverse=True,
    )
    best = ranked[0]
    kept = [chain for chain in ranked if chain.score > best.score - MAX_LAG or chain is best or _is_sure(chain)]
    return tuple(kept[:MAX_CHAINS])
