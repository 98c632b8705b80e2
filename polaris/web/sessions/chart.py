"""The geometry of a session's curve: the paths and ticks of an SVG picture, from readings.

The picture fills a box of WIDTH × HEIGHT. The template stretches it to the screen and prints the ticks as text beside
it, so that they keep their size on a phone. Times are elapsed minutes, which are the same in every time zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, floor, log10

from polaris.domain.instants import to_microseconds
from polaris.web.sessions.trace import NONE, Trace, value
from polaris.web.sessions.view import SessionView

WIDTH, HEIGHT = 6000, 2000  # fine enough for whole numbers, which make short paths
ROWS = 4  # of the grid, which both axes share
MAX_COLUMNS = 5
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_MINUTE_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720)
_DAY = 1440
MINUTE_US = 60_000_000
RECENT = 20  # points: the past grows by so many at a time


@dataclass(frozen=True, slots=True)
class Axes:
    """The ticks from low to high."""

    minutes: tuple[int, ...]
    kwh: tuple[float, ...]
    kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """SVG path data of a part of a curve, empty if nothing was measured."""

    energy_area: str
    energy_line: str
    power_line: str


@dataclass(frozen=True)
class Curve:
    """A session's curve in its axes. Its recent part is drawn with each reading, its past seldom."""

    started_us: int
    trace: Trace
    axes: Axes
    last_energy_wh: int | None
    peak_power_w: int | None

    @property
    def grid(self) -> str:
        return _grid(self.axes.minutes)

    @property
    def past(self) -> Lines:
        return self._lines(0, self.past_points)

    @cached_property
    def recent(self) -> Lines:
        return self._lines(max(0, self.past_points - 1), len(self.trace))

    @property
    def past_points(self) -> int:
        """The number of points of the past, the last of which is the first of what is recent, too."""
        settled = self.trace.settled - 1
        return settled - settled % RECENT + 1 if settled >= RECENT else 0

    @property
    def past_mark(self) -> tuple[object, ...]:
        """The values of which the past is drawn, for a comparison."""
        end = self.past_points
        return (self.axes, *(column[:end].tobytes() for column in self.trace.columns))

    def _lines(self, start: int, end: int) -> Lines:
        energy, power = (
            self._points(values, start, end, top * 1000)
            for values, top in ((self.trace.energy_wh, self.axes.kwh[-1]), (self.trace.power_w, self.axes.kw[-1]))
        )
        line = _path(energy)
        return Lines(_closed(line, energy), line, _path(power))

    def _points(self, values: Sequence[int], start: int, end: int, top: float) -> list[tuple[int, int]]:
        """Return where a line's points are: one expression without a call for each, as a curve has up to 200."""
        while start > 0 and values[start] == NONE:
            start -= 1  # so that no gap is between the past and the rest
        across, up, since = WIDTH / (self.axes.minutes[-1] * MINUTE_US), HEIGHT / top, self.started_us
        return [
            (round((at - since) * across) if at > since else 0, round(HEIGHT - up * (y if y > 0 else 0)))
            for at, y in zip(self.trace.at_us[start:end], values[start:end], strict=True)
            if y != NONE
        ]


def draw(session: SessionView) -> Curve | None:
    """Draw a session's curve; None while fewer than two readings have energy or power."""
    trace, started_us = session.curve, to_microseconds(session.started_at)
    energy, power = trace.energy_wh, trace.power_w
    if max(len(energy) - energy.count(NONE), len(power) - power.count(NONE)) < 2:
        return None
    last_energy_wh, peak_power_w = value(max(energy)), value(max(power))  # the energy never falls
    minutes = max(0, max(trace.at_us) - started_us) / MINUTE_US
    axes = Axes(_minute_ticks(minutes), ticks((last_energy_wh or 0) / 1000), ticks((peak_power_w or 0) / 1000))
    return Curve(started_us, trace, axes, last_energy_wh, peak_power_w)


def _minute_ticks(last: float) -> tuple[int, ...]:
    """Return ticks on round minutes, the last at or after `last`: the frame stays still while the curve grows."""
    steps = (*_MINUTE_STEPS, ceil(last / MAX_COLUMNS / _DAY) * _DAY)
    step = next(step for step in steps if step * MAX_COLUMNS >= last)
    return tuple(range(0, step * max(1, ceil(last / step)) + 1, step))


@lru_cache(maxsize=1000)
def ticks(largest: float) -> tuple[float, ...]:
    """Return ROWS + 1 ticks from 0 on a round step, the last at or above `largest`."""
    least = max(largest / ROWS, 0.01)
    scale = 10.0 ** floor(log10(least))
    step = next(step for step in (s * scale for s in _STEPS) if step >= least * (1 - 1e-9))
    return tuple(round(step * row, 6) for row in range(ROWS + 1))


@lru_cache(maxsize=1000)
def _grid(minutes: tuple[int, ...]) -> str:
    across = "".join(f"M0 {HEIGHT * row // ROWS}H{WIDTH}" for row in range(ROWS + 1))
    return across + "".join(f"M{round(WIDTH * tick / minutes[-1])} 0V{HEIGHT}" for tick in minutes)


def _path(points: Sequence[tuple[int, int]]) -> str:
    line = " ".join([f"{x} {y}" for x, y in points])
    return f"M{line}" if line else ""


def _closed(line: str, points: Sequence[tuple[int, int]]) -> str:
    """Return the area between a line and the axis."""
    return f"{line} {points[-1][0]} {HEIGHT} {points[0][0]} {HEIGHT}Z" if len(points) > 1 else ""
