"""How a charger's clock drifts, from samples of how far it was ahead; negative is behind.

Every message seems older than it is, by its delay, so the one that seems newest tells most of the clock. A queue makes
all of them seem old: what is far behind is therefore no sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from polaris.domain.behaviour import MIN_SEEN
from polaris.domain.clock import MAX_DELAY

ROUND = timedelta(minutes=10)  # of messages, of which the newest is a candidate for a sample
STEP_S = 5.0  # by which a clock is set rather than drifts; a smaller change is hardly worth a row of its own
DAY = timedelta(days=1)
STILL_S = 0.05  # a day: less is the network's


class Sample(NamedTuple):
    """How far a clock was ahead at an instant, and at least and at most on its day."""

    at: datetime
    ahead_s: float
    lowest_s: float
    highest_s: float


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of a clock by `seen` pairs of days without a step. `jumps` counts the steps."""

    seen: int = 0
    since_at: datetime | None = None
    ahead_s: float = 0.0  # at last
    per_day_s: float = 0.0
    jumps: int = 0

    @property
    def is_known(self) -> bool:
        return self.seen >= MIN_SEEN

    @property
    def is_still(self) -> bool:
        return abs(self.per_day_s) < STILL_S


def drift(samples: Sequence[Sample]) -> Drift:
    """Return the drift that most of the samples, oldest first, show; the others have a step between them."""
    if not samples:
        return Drift()
    pairs = [(_per_day(first, second), first, second) for first, second in pairwise(samples)]
    usual = median(rate for rate, _, _ in pairs) if pairs else 0.0
    steady = [rate for rate, first, second in pairs if not _is_step(first, second, usual)]
    jumps = len(pairs) - len(steady) + sum(one.highest_s - one.lowest_s > STEP_S + abs(usual) for one in samples)
    return Drift(len(steady), samples[0].at, samples[-1].ahead_s, median(steady) if steady else 0.0, jumps)


def _days(first: Sample, second: Sample) -> float:
    return max((second.at - first.at) / DAY, 1 / 24)


def _per_day(first: Sample, second: Sample) -> float:
    return (second.ahead_s - first.ahead_s) / _days(first, second)


def _is_step(first: Sample, second: Sample, usual: float) -> bool:
    return abs(second.ahead_s - first.ahead_s - usual * _days(first, second)) > STEP_S


class Sampler:
    """The samples to store of the clock behind one connection: one a day, and one whenever it has changed."""

    __slots__ = ("_best", "_stored", "_until_at")

    def __init__(self) -> None:
        self._until_at: datetime | None = None  # of the present round
        self._best: tuple[timedelta, datetime] | None = None  # of the present round
        self._stored: tuple[timedelta, datetime] | None = None

    def heard(self, ahead: timedelta, received_at: datetime) -> tuple[timedelta, datetime] | None:
        """Take a message that seems ahead by so much; return the sample of the round before if one is due."""
        due = None
        if self._until_at is None or received_at >= self._until_at:
            due, self._until_at, self._best = self._due(), received_at + ROUND, None
        if self._best is None or ahead > self._best[0]:
            self._best = ahead, received_at
        return due

    def _due(self) -> tuple[timedelta, datetime] | None:
        if self._best is None or self._best[0] < -MAX_DELAY:
            return None
        if self._stored is not None:
            ahead, at = self._best[0] - self._stored[0], self._best[1]
            if abs(ahead) <= timedelta(seconds=STEP_S) and at - self._stored[1] < DAY:
                return None
        self._stored = self._best
        return self._best
