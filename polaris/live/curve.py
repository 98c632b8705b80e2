"""Draws a session's curve: readings in, the paths and ticks of an SVG picture out.

Pure geometry in a box of WIDTH × HEIGHT; the template stretches it to the screen and prints the ticks as text beside
it, so that they keep their size on a phone. Times are elapsed minutes, which are the same in every zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, log10

from polaris.domain.session_page import SessionPage

WIDTH, HEIGHT = 600, 200
ROWS = 4  # both axes share the grid's lines
MOST_COLUMNS = 5
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
_MINUTE_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720)
_DAY = 1440


@dataclass(frozen=True, slots=True)
class Curve:
    """SVG path data (empty where nothing was measured), and the ticks from low to high."""

    energy_area: str
    energy_line: str
    power_line: str
    minutes: tuple[int, ...]
    kwh: tuple[float, ...]
    kw: tuple[float, ...]
    peak_power_w: int | None
    columns: tuple[float, ...]  # x of the vertical grid lines
    rows: tuple[float, ...]  # y of the horizontal ones


def draw(page: SessionPage) -> Curve | None:
    """The picture of a session, or None while fewer than two readings say anything of energy or power."""
    energy = [(_minutes(page.started_at, p.at), p.energy_wh) for p in page.curve if p.energy_wh is not None]
    power = [(_minutes(page.started_at, p.at), p.power_w) for p in page.curve if p.power_w is not None]
    if max(len(energy), len(power)) < 2:
        return None
    minutes = _minute_ticks(max(x for x, _ in energy + power))
    kwh = _ticks(max((y for _, y in energy), default=0) / 1000)
    kw = _ticks(max((y for _, y in power), default=0) / 1000)
    energy_line = _path(energy, minutes[-1], kwh[-1] * 1000)
    return Curve(
        energy_area=_closed(energy_line, energy, minutes[-1]),
        energy_line=energy_line,
        power_line=_path(power, minutes[-1], kw[-1] * 1000),
        minutes=minutes,
        kwh=kwh,
        kw=kw,
        peak_power_w=max((y for _, y in power), default=None),
        columns=tuple(_x(tick, minutes[-1]) for tick in minutes),
        rows=tuple(HEIGHT * row / ROWS for row in range(ROWS + 1)),
    )


def _minutes(started_at: datetime, at: datetime) -> float:
    return max(0.0, (at - started_at).total_seconds() / 60)


def _minute_ticks(last: float) -> tuple[int, ...]:
    """Ticks on whole, customary minutes, the last at or after `last`: the frame holds still while the curve grows."""
    steps = (*_MINUTE_STEPS, ceil(last / MOST_COLUMNS / _DAY) * _DAY)
    step = next(step for step in steps if step * MOST_COLUMNS >= last)
    return tuple(range(0, step * max(1, ceil(last / step)) + 1, step))


def _ticks(largest: float) -> tuple[float, ...]:
    """ROWS + 1 ticks from 0 on a round step, the last at or above `largest`."""
    least = max(largest / ROWS, 0.01)
    scale = 10.0 ** floor(log10(least))
    step = next(step for step in (s * scale for s in _STEPS) if step >= least * (1 - 1e-9))
    return tuple(round(step * row, 6) for row in range(ROWS + 1))


def _path(points: Iterable[tuple[float, int]], width: float, height: float) -> str:
    return " ".join(f"{'L' if index else 'M'}{_x(x, width):g} {_y(y, height):g}" for index, (x, y) in enumerate(points))


def _closed(line: str, points: list[tuple[float, int]], width: float) -> str:
    if len(points) < 2:
        return ""
    return f"{line} L{_x(points[-1][0], width):g} {HEIGHT} L{_x(points[0][0], width):g} {HEIGHT} Z"


def _x(minutes: float, width: float) -> float:
    return round(WIDTH * minutes / width, 1)


def _y(value: float, height: float) -> float:
    return round(HEIGHT - HEIGHT * max(0.0, value) / height, 1)
