"""Use that a session has made, as far as its cost depends on it: energy and time by window, and how long it idled.

The energy between two readings is taken to have flowed evenly, so the energy of a step across a border of prices is
split by time. Wh and seconds are whole, and their sums are always those of the session.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from operator import itemgetter

import msgspec
from msgspec import Struct

from polaris.domain.enums import ConnectorStatus
from polaris.domain.price_windows import Schedule, Window, pieces

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)

# States in which the car takes no more; after it has charged, also those of OCPP 2.x without a current. A pause by the
# charger, or its fault, is no idling of the driver's.
_FULL = frozenset({ConnectorStatus.SUSPENDED_EV, ConnectorStatus.FINISHING})
_STILL = frozenset({ConnectorStatus.EV_CONNECTED, ConnectorStatus.IDLE})
_NOT_OVER = frozenset(
    {ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE}
)
_HAS_CHARGED = frozenset({ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EVSE, *_FULL})
_AHEAD = timedelta(days=8)  # every change of prices comes within a week

Point = tuple[datetime, int]  # an instant, and the energy by then in Wh
_BORDERS = msgspec.json.Decoder(tuple[int, ...])


class Usage(Struct, frozen=True, gc=False):
    """The use that a session has made from its start until an instant.

    `energy_wh` is None if it is not known. An operator may have set it; `metered_wh` is the meter's own, which
    `border_wh` splits: the energy by each border of the prices that a reading has passed. `over_at` is when the charger
    said that the car takes no more, None if it charges.
    """

    energy_wh: int | None
    started_at: datetime
    until_at: datetime
    metered_wh: int | None = None
    border_wh: tuple[int, ...] = ()
    over_at: datetime | None = None

    @property
    def duration_s(self) -> int:
        return max(0, (self.until_at - self.started_at) // SECOND)


class Share(Struct, frozen=True, gc=False):
    """The part of a session in a window; in none with None."""

    window: Window | None
    energy_wh: int
    seconds: int


def borders(text: str) -> tuple[int, ...]:
    """Return the energy by each border, as a session stores it."""
    return _BORDERS.decode(text) if text else ()


def to_text(border_wh: Sequence[int]) -> str:
    return msgspec.json.encode(border_wh).decode() if border_wh else ""


def over_at(status: str, at: datetime, before: datetime | None, *, previous: str) -> datetime | None:
    """Return since when the car takes no more, after the charger has reported another state than the `previous` one.

    `before` is what held so far.
    """
    if status in _FULL or (status in _STILL and previous in _HAS_CHARGED):
        return before or at
    return None if status in _NOT_OVER else before


def is_resumed(points: Iterable[Point], since: datetime) -> bool:
    """Whether energy has flowed between two instants after another one: what says that charging is over is wrong.

    A rise since a reading before it is none: that energy may have flowed before. Points of a register and sums of
    intervals may be mixed; what was delivered by an instant is the most that any until then say.
    """
    known = list(points)
    first_at = min((at for at, _ in known if at >= since), default=None)
    if first_at is None:
        return False
    return max(wh for _, wh in known) > max(wh for at, wh in known if at <= first_at)


def idle_from(usage: Usage, grace_s: int) -> datetime | None:
    """Return the instant from which a session that idles has to pay for it; None if it charges, or never has."""
    if usage.over_at is None or not usage.energy_wh:
        return None
    return max(usage.over_at, usage.started_at) + grace_s * SECOND


def idle_s(usage: Usage, grace_s: int) -> int:
    """Return the seconds for which a session has to pay, since its charging is over."""
    since = idle_from(usage, grace_s)
    return 0 if since is None else max(0, (usage.until_at - since) // SECOND)


def shares(usage: Usage, schedule: Schedule | None) -> list[Share]:
    """Split a session among the windows that it was in, in the order in which it came into them."""
    energy_wh = usage.energy_wh or 0
    if schedule is None:
        return [Share(None, energy_wh, usage.duration_s)]
    found = pieces(schedule, usage.started_at, usage.until_at)
    instants = [piece.begins_at for piece in found[1:]]
    seconds = differences([(at - usage.started_at) // SECOND for at in instants], usage.duration_s)
    metered = differences(usage.border_wh[: len(instants)], usage.metered_wh or 0)
    metered += [0] * (len(found) - len(metered))  # beyond the last reading
    of_time: dict[Window | None, int] = {}
    of_meter: dict[Window | None, int] = {}
    for piece, one_s, one_wh in zip(found, seconds, metered, strict=True):
        of_time[piece.window] = of_time.get(piece.window, 0) + one_s
        of_meter[piece.window] = of_meter.get(piece.window, 0) + one_wh
    weights = of_meter if any(of_meter.values()) else of_time
    energies = apportioned(energy_wh, list(weights.values()))
    return [Share(window, wh, of_time[window]) for window, wh in zip(of_time, energies, strict=True)]


def apportioned(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total by weights into whole parts that add up to it, by the largest remainders; else the first has all.

    Of equal remainders, the earlier one is the larger.
    """
    weight = sum(weights)
    if weight == 0:
        return [total, *[0] * (len(weights) - 1)]
    parts = [total * one // weight for one in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(total * weights[index] % weight))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def split(
    schedule: Schedule | None, started_at: datetime, points: Sequence[Point], until_at: datetime
) -> tuple[tuple[int, ...], datetime | None]:
    """Return the energy by each border that is passed at an instant, and the next border; None if there is none.

    The points are in order and of the session's time; after the last one nothing has flowed yet.
    """
    if schedule is None:
        return (), None
    instants = [piece.begins_at for piece in pieces(schedule, started_at, until_at + _AHEAD)[1:]]
    passed = [instant for instant in instants if instant <= until_at]
    following = instants[len(passed) : len(passed) + 1]
    return energies_by(started_at, points, passed), following[0] if following else None


def energies_by(started_at: datetime, points: Sequence[Point], instants: Sequence[datetime]) -> tuple[int, ...]:
    """Return the energy by each instant; the points are in order, and after the last one nothing has flowed yet."""
    rising = list(accumulate([(started_at, 0), *points], lambda before, point: (point[0], max(before[1], point[1]))))
    return tuple(_energy_at(rising, instant) for instant in instants)


def _energy_at(points: Sequence[Point], at: datetime) -> int:
    """Return the energy at an instant between two points, to the nearest Wh; after the last, that of the last."""
    index = bisect_right(points, at, key=itemgetter(0))
    if index == 0 or index == len(points):
        return points[index - 1 if index else 0][1]
    (first_at, first_wh), (last_at, last_wh) = points[index - 1 : index + 1]
    whole, part = (last_at - first_at) // MICROSECOND, (at - first_at) // MICROSECOND
    return first_wh + (2 * (last_wh - first_wh) * part + whole) // (2 * whole)


def differences(sums: Sequence[int], total: int) -> list[int]:
    """Return what lies between sums, each no more than the total, from 0 up to it."""
    bounded = [0, *[min(max(one, 0), max(total, 0)) for one in sums], max(total, 0)]
    return [max(0, after - before) for before, after in pairwise(bounded)]
