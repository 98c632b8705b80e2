"""The geometry of a session's curve: the paths and ticks of an SVG picture, from readings.

The picture fills a box of WIDTH × HEIGHT. The template stretches it to the screen and prints the ticks as text beside
it, so that they keep their size on a phone. Times are elapsed minutes, which are the same in every time zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, log10

from polaris.web.sessions.view import SessionView

WIDTH, HEIGHT = 6000, 2000  # fine enough for whole numbers, which make short paths
ROWS = 4  # of the grid, which both axes share
MAX_COLUMNS = 5
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_MINUTE_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720)
_DAY = 1440


@dataclass(frozen=True, slots=True)
class Axes:
    """The ticks from low to high."""

    minutes: tuple[int, ...]
    kwh: tuple[float, ...]
    kw: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """SVG path data, empty if nothing was measured, and the axes."""

    grid: str
    energy_area: str
    energy_line: str
    power_line: str
    axes: Axes
    last_energy_wh: int | None
    peak_power_w: int | None


def draw(session: SessionView) -> Curve | None:
    """Draw a session's curve; None while fewer than two readings have energy or power."""
    started_at = session.started_at
    timed = [((point.at - started_at).total_seconds() / 60, point.energy_wh, point.power_w) for point in session.curve]
    energy = [(at if at > 0 else 0, energy_wh) for at, energy_wh, _ in timed if energy_wh is not None]
    power = [(at if at > 0 else 0, power_w) for at, _, power_w in timed if power_w is not None]
    if max(len(energy), len(power)) < 2:
        return None
    minutes = _minute_ticks(max(energy + power)[0])
    peak_power_w = max((y for _, y in power), default=None)
    kwh = ticks(max((y for _, y in energy), default=0) / 1000)
    kw = ticks((peak_power_w or 0) / 1000)
    energy_line = _path(energy, minutes[-1], kwh[-1] * 1000)
    return Curve(
        grid=_grid(minutes),
        energy_area=_closed(energy_line, energy, minutes[-1]),
        energy_line=energy_line,
        power_line=_path(power, minutes[-1], kw[-1] * 1000),
        axes=Axes(minutes, kwh, kw),
        last_energy_wh=energy[-1][1] if energy else None,
        peak_power_w=peak_power_w,
    )


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


def _path(points: Sequence[tuple[float, int]], width: float, height: float) -> str:
    """Return the line through some points: one expression without a call for each, as a curve has up to 200."""
    across, up = WIDTH / width, HEIGHT / height
    line = " ".join([f"{round(x * across)} {round(HEIGHT - up * (y if y > 0 else 0))}" for x, y in points])
    return f"M{line}" if line else ""


def _closed(line: str, points: list[tuple[float, int]], width: float) -> str:
    """Return the area between a line and the axis."""
    if len(points) < 2:
        return ""
    first, last = (round(x * WIDTH / width) for x in (points[0][0], points[-1][0]))
    return f"{line} {last} {HEIGHT} {first} {HEIGHT}Z"
