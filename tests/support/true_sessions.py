"""Owns sessions whose energy is known: as chargers tell them, and as they tell them wrongly.

A `TrueSession` is a power profile, metered by a charger of some habits. `CORRUPTIONS` has what goes wrong, by kind:
each leaves the truth as it was and takes figures away or adds false ones. What is certain of a session follows from the
true figures that are left: the energy between the first and the last of one register.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

STARTED_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
SLACK_S, SLACK_WH = 120, 1000  # of the bound: the clock's and the register's
FALSE = ("", 0)  # the register of a figure that is none
SURE_FIGURES = 3  # of a register, until it is certain that it was reset

PLACEHOLDERS = (
    0, 1, -1, -5, -999_999, 3, 15, 100, 127, 255, 999, 1023, 4095, 9_999, 32_767, 65_535, 99_999, 999_999, 2**20 - 1,
    2**24 - 1, 9_999_999, 99_999_999, 999_999_999, 2**31 - 1, -(2**31), 2**32 - 1, 9_999_999_999, 99_999_999_999,
)  # fmt: skip
PERIODIC, CLOCK, BEGIN, END = "Sample.Periodic", "Sample.Clock", "Transaction.Begin", "Transaction.End"


@dataclass(frozen=True)
class Figure:
    """What a charger sampled. `register` names the register that a true figure is of, with the ordinal of its reset."""

    true_us: int
    energy_wh: int  # delivered by then
    at_us: int
    received_us: int
    register_wh: int | None = None
    interval_wh: int | None = None
    true_interval_wh: int = 0
    context: str = PERIODIC
    power_w: int | None = None
    is_named: bool = True
    register: tuple[str, int] = FALSE

    @property
    def is_false(self) -> bool:
        return self.register_wh is not None and self.register == FALSE


@dataclass(frozen=True)
class TrueSession:
    """A session as it was told, and the truth of it. Its start and end are figures whose register may be None."""

    start: Figure
    figures: tuple[Figure, ...]
    end: Figure
    max_power_w: int
    resolution_wh: int
    habits: tuple[str, ...] = ()
    kinds: tuple[str, ...] = field(default=())

    @property
    def truth_wh(self) -> int:
        return self.end.energy_wh

    @property
    def tolerance_wh(self) -> int:
        resets = max(figure.register[1] for figure in self.all)
        return 2 * self.resolution_wh * (1 + resets) + 1

    @property
    def all(self) -> tuple[Figure, ...]:
        return (self.start, *self.figures, self.end)

    @property
    def told(self) -> tuple[Figure, ...]:
        """The figures between start and end in the order in which they count."""
        return tuple(sorted(self.figures, key=lambda figure: (figure.at_us, figure.received_us)))

    @property
    def certain_wh(self) -> int:
        """The energy that the true figures prove: that of the register which proves the most."""
        spans: dict[tuple[str, int], list[int]] = defaultdict(list)
        intervals: dict[str, int] = defaultdict(int)
        for figure in self.all:
            if figure.register != FALSE:
                spans[figure.register].append(figure.energy_wh)
            if figure.interval_wh is not None:
                intervals[figure.context] += figure.true_interval_wh
        registers: dict[str, int] = defaultdict(int)
        for (name, reset), energies in spans.items():
            if not reset or len(energies) >= SURE_FIGURES:
                registers[name] += max(energies) - min(energies)
        return max(registers.values(), default=0) or max(intervals.values(), default=0)

    def bound_wh(self, from_us: int, to_us: int) -> int:
        seconds = max(0, to_us - from_us) / SECOND_US + SLACK_S
        return SLACK_WH + int(self.max_power_w * seconds / 3600)

    @property
    def most_wh(self) -> int:
        return self.bound_wh(min(self.start.at_us, self.start.true_us), max(self.end.at_us, self.end.true_us))

    @property
    def is_ambiguous(self) -> bool:
        """Whether a figure may well be of another register than its own: nobody could tell it from that one's."""
        told = [one for one in (self.start, *self.told, self.end) if one.register_wh is not None]
        last = max((index for index, one in enumerate(told) if one.is_named and not one.is_false), default=-1)
        told = [one for index, one in enumerate(told) if one.is_named or index > last]
        newest: dict[tuple[str, int], list[Figure]] = defaultdict(list)
        for other in told:
            for register, before in newest.items():
                is_past_reset = register[0] == other.register[0] and _is_sure(newest.get(other.register, []))
                if not is_past_reset and self._can_follow(before[-1], other):
                    return True
            if self._can_follow_false_start(other, told):
                return True
            newest[other.register].append(other)
        starts = [one for one in told if one is self.start or (one.context == BEGIN and not one.is_false)]
        is_other = self.end.is_false or self.end.register[1] > 0
        if is_other and any(
            self._is_thousandth((self.end.register_wh or 0) - (one.register_wh or 0)) for one in starts
        ):
            return True
        sampled = [one for one in told if one is not self.start and one.context != BEGIN]
        if sampled and self._can_count_from_zero(sampled[0]):
            return True
        if any(
            one.interval_wh and not one.true_interval_wh and one.interval_wh <= self.most_wh for one in self.figures
        ):
            return True
        false = [one.register_wh or 0 for one in told if one.is_false]
        true = [one for one in told if not one.is_false]
        is_alone = len(true) < 2 or (len(true) == len(false) == 2 and not {self.start, self.end} <= {*true})
        return len(false) > 1 and is_alone and max(false) - min(false) <= self.most_wh

    def _can_follow_false_start(self, one: Figure, told: list[Figure]) -> bool:
        """Whether a true figure fits a false one of the session's begin, with at most one true one since then."""
        before = told[: told.index(one)]
        starts = [other for other in before if other is self.start or other.context == BEGIN]
        true = [other for other in before if other not in starts and not other.is_false]
        can_follow = any(start.is_false and self._can_follow(start, one) for start in starts)
        return can_follow and len(true) <= 1 and not one.is_false

    def _is_thousandth(self, rise_wh: int) -> bool:
        """Whether the register at the end looks as if the samples were in another unit: then it is believed."""
        energies = self.truth_wh, self.certain_wh
        return rise_wh >= 0 and any(500 * rise_wh <= energy_wh <= 2000 * (rise_wh + 1) for energy_wh in energies)

    def _can_count_from_zero(self, first: Figure) -> bool:
        """Whether the first sample fits a register that began with the session, and is of another."""
        if first.register in (self.start.register, ("session", 0)) and not first.is_false:
            return False
        return 0 <= (first.register_wh or 0) <= self.bound_wh(self.start.true_us, first.true_us)

    def _can_follow(self, one: Figure, other: Figure) -> bool:
        are_bounds = one is self.start and other is self.end
        if one.register == other.register and not (one.is_false and are_bounds):
            return False
        rise_wh = (other.register_wh or 0) - (one.register_wh or 0)
        since_us, until_us = min(one.at_us, one.true_us), max(other.at_us, other.true_us)
        return -SLACK_WH <= rise_wh <= self.bound_wh(since_us, until_us)


def _is_sure(figures: list[Figure]) -> bool:
    """Whether it is certain that a register was reset: one that stands still may as well be a false value."""
    return len(figures) >= SURE_FIGURES and figures[0].register_wh != figures[-1].register_wh


class Profile:
    """The power over a session's time, with pauses."""

    def __init__(self, rng: random.Random, duration_s: float, max_power_w: int) -> None:
        self._times, self._energies, self._powers = [0.0], [0.0], []
        while self._times[-1] < duration_s:
            length_s = min(duration_s - self._times[-1], duration_s * rng.choice((0.03, 0.1, 0.3, 1.0)) + 1)
            power_w = 0 if rng.random() < 0.15 else int(max_power_w * rng.choice((0.05, 0.3, 0.7, 0.95, 1.0)))
            self._times.append(self._times[-1] + length_s)
            self._energies.append(self._energies[-1] + power_w * length_s / 3600)
            self._powers.append(power_w)

    def at(self, seconds: float) -> tuple[int, int]:
        """Return the energy delivered by then, and the power."""
        piece = min(len(self._powers), max(1, bisect_right(self._times, seconds))) - 1
        elapsed_s = max(0.0, min(seconds, self._times[-1]) - self._times[piece])
        return int(self._energies[piece] + self._powers[piece] * elapsed_s / 3600), self._powers[piece]


def true_session(rng: random.Random) -> TrueSession:
    """Return a session of a charger that does nothing wrong, whatever its habits are."""
    habits = []
    power_w = rng.choice((3_700, 7_400, 11_000, 22_000, 50_000, 150_000, 350_000))
    interval_s = rng.choice((1, 5, 10, 30, 60, 60, 120, 300, 300, 900))
    count = rng.choice((0, 1, 2, 3, 5, 8, 13, 20, 40))
    duration_s = interval_s * (count + rng.random()) + rng.choice((0, 0, 2, 60))
    profile = Profile(rng, duration_s, power_w)
    resolution_wh = rng.choice((1, 1, 1, 10, 100, 1000))
    latency_us = int(rng.choice((0.05, 0.3, 2.0)) * SECOND_US)
    is_offline = rng.random() < 0.1

    lifetime_wh = rng.choice((rng.randint(0, 5000), rng.randint(100_000, 9_000_000), rng.randint(10**7, 2**32 - 10**6)))
    bases = {"lifetime": lifetime_wh, "session": 0}
    outer = rng.choice(("lifetime", "lifetime", "session"))
    inner = outer if rng.random() < 0.75 else "session" if outer == "lifetime" else "lifetime"
    habits += [f"start and end {outer}", f"samples {inner}"]
    shows = rng.choice(("register", "register", "register", "register and intervals", "intervals", "two intervals"))
    habits.append(shows)
    shows_power = rng.random() < 0.5

    def figure(seconds: float, name: str, context: str = PERIODIC) -> Figure:
        energy_wh, power = profile.at(seconds)
        true_us = STARTED_US + int(seconds * SECOND_US)
        register_wh = (bases[name] + energy_wh) // resolution_wh * resolution_wh
        received_us = STARTED_US + int((duration_s + 60) * SECOND_US) if is_offline else true_us + latency_us
        power_w = power if shows_power else None
        return Figure(
            true_us, energy_wh, true_us, received_us, register_wh, context=context, power_w=power_w, register=(name, 0)
        )

    start, end = figure(0, outer), figure(duration_s, outer)
    figures = [figure(interval_s * (index + 1), inner) for index in range(count)]
    figures = [one for one in figures if one.true_us <= end.true_us]
    if shows != "register":
        figures = _with_intervals(figures, resolution_wh, keeps_register="register" in shows)
    if shows == "two intervals":
        quarters = _with_intervals(figures[2::3], resolution_wh, keeps_register=False)
        figures += [replace(one, context=CLOCK) for one in quarters]
    if rng.random() < 0.3:
        habits.append("begin")
        figures.insert(0, figure(0, outer, BEGIN))
        if rng.random() < 0.5:
            start = _without_register(start)
    if rng.random() < 0.3:
        habits.append("end")
        figures.append(figure(duration_s, outer, END))
        if rng.random() < 0.5:
            end = _without_register(end)
    max_power_w = rng.choice((400_000, 400_000, max(power_w, 22_000), int(power_w * 1.1)))
    return TrueSession(start, tuple(figures), end, max_power_w, resolution_wh, tuple(habits))


def _with_intervals(figures: list[Figure], resolution_wh: int, *, keeps_register: bool) -> list[Figure]:
    with_intervals, before_wh = [], 0
    for one in figures:
        interval_wh = one.energy_wh // resolution_wh * resolution_wh - before_wh // resolution_wh * resolution_wh
        metered = replace(one, interval_wh=interval_wh, true_interval_wh=one.energy_wh - before_wh)
        with_intervals.append(metered if keeps_register else _without_register(metered))
        before_wh = one.energy_wh
    return with_intervals


def _without_register(figure: Figure) -> Figure:
    return replace(figure, register_wh=None, register=FALSE)


def _false(figure: Figure, register_wh: int) -> Figure:
    return replace(figure, register_wh=register_wh, register=FALSE)


def _placeholder(rng: random.Random) -> int:
    return rng.choice(PLACEHOLDERS) if rng.random() < 0.9 else rng.randint(0, 2 ** rng.randint(1, 34))


def _samples(session: TrueSession) -> list[int]:
    return [index for index, figure in enumerate(session.figures) if figure.register_wh is not None]


def _bad_samples(rng: random.Random, session: TrueSession) -> TrueSession:
    """Put one or several placeholders in place of registers or beside them, anywhere."""
    figures, samples = list(session.figures), _samples(session)
    if not samples:
        return session
    first = rng.choice((0, len(samples) - 1, rng.randrange(len(samples))))
    run = samples[first : first + rng.choice((1, 1, 1, 2, 3, 5))]
    is_one_value, value, is_beside = rng.random() < 0.7, _placeholder(rng), rng.random() < 0.3
    for index in reversed(run):
        bad = _false(figures[index], value if is_one_value else _placeholder(rng))
        if is_beside:
            figures.insert(index + 1, replace(bad, at_us=bad.at_us + 1, interval_wh=None))
        else:
            figures[index] = bad
    return replace(session, figures=tuple(figures))


def _bad_end(rng: random.Random, session: TrueSession) -> TrueSession:
    return replace(session, end=_false(session.end, _placeholder(rng)))


def _bad_start(rng: random.Random, session: TrueSession) -> TrueSession:
    return replace(session, start=_false(session.start, _placeholder(rng)))


def _zero_start(rng: random.Random, session: TrueSession) -> TrueSession:
    return replace(session, start=_false(session.start, 0)) if session.start.register_wh else session


def _missing_end(rng: random.Random, session: TrueSession) -> TrueSession:
    return replace(session, end=_without_register(session.end))


def _missing_start(rng: random.Random, session: TrueSession) -> TrueSession:
    return replace(session, start=_without_register(session.start))


def _unit(rng: random.Random, figure: Figure, factor: float) -> Figure:
    if figure.register_wh is None:
        return figure
    interval_wh = None if figure.interval_wh is None else int(figure.interval_wh * factor)
    return replace(_false(figure, int(figure.register_wh * factor)), interval_wh=interval_wh, true_interval_wh=0)


def _unit_of_samples(rng: random.Random, session: TrueSession) -> TrueSession:
    """Scale the samples between begin and end; those two are in the unit of the transaction."""
    factor = rng.choice((1000, 1 / 1000))
    figures = [one if one.context in (BEGIN, END) else _unit(rng, one, factor) for one in session.figures]
    return replace(session, figures=tuple(figures))


def _unit_of_end(rng: random.Random, session: TrueSession) -> TrueSession:
    return replace(session, end=_unit(rng, session.end, rng.choice((1000, 1 / 1000))))


def _other_register(rng: random.Random, session: TrueSession) -> TrueSession:
    """Add samples that name no session and come from another register: one, or one beside each."""
    base_wh = rng.choice((rng.randint(0, 5000), rng.randint(10**5, 10**7), rng.randint(10**7, 2**31)))
    own = session.figures or (session.start,)
    chosen = own if rng.random() < 0.5 else rng.sample(own, 1)
    others = [
        replace(
            _false(one, base_wh + one.energy_wh),
            at_us=one.at_us + SECOND_US // 2,
            received_us=one.received_us + SECOND_US // 2,
            context=CLOCK,
            is_named=False,
            interval_wh=None,
        )
        for one in chosen
    ]
    return replace(session, figures=(*session.figures, *others))


def _stuck_clock(rng: random.Random, session: TrueSession) -> TrueSession:
    """Give every sample from some instant on that instant. The order of receipt is all that is left."""
    if not session.figures:
        return session
    stuck_us = rng.choice((session.start.at_us, rng.choice(session.figures).at_us))
    figures = [replace(one, at_us=min(one.at_us, stuck_us)) for one in session.figures]
    is_told_apart = len({one.received_us for one in figures}) == len(figures)
    return replace(session, figures=tuple(figures)) if is_told_apart else session


def _whole_minutes(rng: random.Random, session: TrueSession) -> TrueSession:
    minute_us = 60 * SECOND_US
    figures = [replace(one, at_us=one.at_us // minute_us * minute_us) for one in session.figures]
    is_told_apart = len({one.received_us for one in figures}) == len(figures)
    return replace(session, figures=tuple(figures)) if is_told_apart else session


def _reset(rng: random.Random, session: TrueSession) -> TrueSession:
    """Let the registers begin again, at 0 or a little more, at some instant; the end is read from the new ones."""
    at = rng.random()
    at_us = session.start.true_us + int(at * (session.end.true_us - session.start.true_us))
    told = [one for one in session.all if one.true_us > at_us]
    begin_wh = min(told, key=lambda one: one.true_us).energy_wh if told else 0
    offset_wh = rng.choice((0, 0, rng.randint(0, 500)))

    def after(one: Figure) -> Figure:
        if one.register == FALSE or one.true_us <= at_us:
            return one
        register_wh = (one.energy_wh - begin_wh + offset_wh) // session.resolution_wh * session.resolution_wh
        return replace(one, register_wh=register_wh, register=(one.register[0], one.register[1] + 1))

    return replace(session, figures=tuple(after(one) for one in session.figures), end=after(session.end))


def _duplicates(rng: random.Random, session: TrueSession) -> TrueSession:
    """Repeat some samples of registers, as after a lost answer."""
    doubled = [
        one for one in session.figures for _ in range(2 if one.interval_wh is None and rng.random() < 0.4 else 1)
    ]
    return replace(session, figures=tuple(doubled))


def _gap(rng: random.Random, session: TrueSession) -> TrueSession:
    if not session.figures:
        return session
    first = rng.randrange(len(session.figures))
    last = first + rng.randint(1, len(session.figures))
    return replace(session, figures=session.figures[:first] + session.figures[last:])


Corruption = Callable[[random.Random, TrueSession], TrueSession]
CORRUPTIONS: dict[str, Corruption] = {
    "bad samples": _bad_samples,
    "bad end": _bad_end,
    "bad start": _bad_start,
    "zero start": _zero_start,
    "missing end": _missing_end,
    "missing start": _missing_start,
    "unit of samples": _unit_of_samples,
    "unit of end": _unit_of_end,
    "other register": _other_register,
    "stuck clock": _stuck_clock,
    "whole minutes": _whole_minutes,
    "reset": _reset,
    "duplicates": _duplicates,
    "gap": _gap,
}
AT_ONCE = (0, 1, 1, 1, 2, 2)


def told_session(rng: random.Random) -> TrueSession:
    """Return a session with none, one or two of the corruptions."""
    session = true_session(rng)
    kinds = rng.sample(list(CORRUPTIONS), rng.choice(AT_ONCE))
    for kind in kinds:
        session = CORRUPTIONS[kind](rng, session)
    return replace(session, kinds=tuple(sorted(kinds)))
