"""The points of a session's curve: an even selection of its readings, which grows with each that comes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from polaris.domain.instants import from_microseconds
from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.web.sessions.point import Point

NONE = -(2**63)  # in an array: no value


class Values(NamedTuple):
    """A reading's values, as far as the curve shows them: it has one of them at least."""

    at_us: int
    energy_wh: int | None
    power_w: int | None
    soc_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Trace(Sequence[Point]):
    """Every `stride`th of some readings, from the first on, and the last. The energy never falls.

    Arrays, because a page that is watched keeps them: as points, they would take ten times the memory.
    """

    columns: tuple[array[int], ...] = field(default_factory=lambda: tuple(array("q") for _ in Values._fields))
    readings: int = 0
    stride: int = 1

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> list[Point]: ...
    def __getitem__(self, index: int | slice) -> Point | list[Point]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        at_us, energy_wh, power_w, soc_percent = (column[index] for column in self.columns)
        return Point(from_microseconds(at_us), value(energy_wh), value(power_w), value(soc_percent))

    def __len__(self) -> int:
        return len(self.at_us)

    @property
    def at_us(self) -> array[int]:
        return self.columns[0]

    @property
    def energy_wh(self) -> array[int]:
        return self.columns[1]

    @property
    def power_w(self) -> array[int]:
        return self.columns[2]

    @property
    def settled(self) -> int:
        """The number of points that stay: the last may give way to the next."""
        return len(self) - bool(self.readings and (self.readings - 1) % self.stride)

    def grown(self, readings: Iterable[Values]) -> Trace:
        """Return the trace with readings that came after the others."""
        columns = [column[:] for column in self.columns]
        count, stride = self.readings, self.stride
        for reading in readings:
            if count and (count - 1) % stride:
                for column in columns:
                    column.pop()
            _append(columns, reading)
            count += 1
            if len(columns[0]) > MAX_CURVE_POINTS:  # an even number, so that the last one stays
                stride *= 2
                columns = [column[::2] for column in columns]
        return Trace(tuple(columns), count, stride)


def value(stored: int) -> int | None:
    return None if stored == NONE else stored


def _append(columns: Sequence[array[int]], reading: Values) -> None:
    at_us, energy_wh, power_w, soc_percent = columns
    at_us.append(reading.at_us)
    if reading.energy_wh is None:
        energy_wh.append(NONE)
    else:
        energy_wh.append(max(reading.energy_wh, 0, next((wh for wh in reversed(energy_wh) if wh != NONE), 0)))
    power_w.append(NONE if reading.power_w is None else reading.power_w)
    soc_percent.append(NONE if reading.soc_percent is None else reading.soc_percent)
