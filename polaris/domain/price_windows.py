"""Prices by weekday and time of day: which of a tariff's windows an instant is in, and when that changes.

A window is of local time: it begins and ends when the wall clock at the site says so, however long the day is. If the
clock is set back, the repeated hour has the prices that it had before; if it is set forward, what was skipped is in no
window. The zone is the one that the site had when the tariff was set, so that another zone changes nothing priced; if
it is known no more, it is UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import msgspec
from msgspec import Struct

from polaris.domain import zones

DAY = timedelta(days=1)
DAY_MIN = 24 * 60
MAX_WINDOWS = 24  # of a tariff: more are no prices that a driver could know
# Of a session; from then on its prices change no more. Without it, one that never ends would have pages count years.
MAX_PIECES = 1000


class Window(Struct, frozen=True, cache_hash=True):
    """Prices before tax on some weekdays (0 is Monday), from one minute of the day until before another."""

    days: tuple[int, ...]
    from_min: int
    to_min: int
    per_kwh: Decimal
    per_minute: Decimal

    def has(self, weekday: int, minute: int) -> bool:
        return weekday in self.days and self.from_min <= minute < self.to_min


class Schedule(Struct, frozen=True, cache_hash=True):
    """Windows that do not overlap, and the time zone (an IANA name) of their times. In none, a tariff's own prices are.

    It is a tariff's, which never changes, and is compared with another by value.
    """

    zone: str
    windows: tuple[Window, ...]


class Piece(Struct, frozen=True, gc=False):
    """A piece of time with the same prices: where it begins, and its window, None if it is in none."""

    begins_at: datetime
    window: Window | None


class Overlap(Struct, frozen=True):
    """A time of a weekday that is in two windows, in minutes of the day."""

    weekday: int
    from_min: int
    to_min: int


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Schedule)


def to_json(schedule: Schedule | None) -> str:
    """Return a schedule as it is stored; "" for none."""
    return "" if schedule is None else _ENCODER.encode(schedule).decode()


@lru_cache(maxsize=256)  # the versions in use: each row of a list names one
def from_json(text: str | None) -> Schedule | None:
    return _DECODER.decode(text) if text else None


def overlaps(windows: Sequence[Window]) -> list[Overlap]:
    """Return the times that are in two windows, in the order of the week."""
    found = []
    for weekday in range(7):
        of_day = sorted((one.from_min, one.to_min) for one in windows if weekday in one.days)
        latest = 0
        for (_, before_to), (from_min, to_min) in pairwise(of_day):
            latest = max(latest, before_to)
            if from_min < latest:
                found.append(Overlap(weekday, from_min, min(latest, to_min)))
    return found


def is_gapless(windows: Sequence[Window]) -> bool:
    """Whether windows that do not overlap leave no time of the week to the other prices."""
    return sum(len(one.days) * (one.to_min - one.from_min) for one in windows) == 7 * DAY_MIN


def window_at(schedule: Schedule, at: datetime) -> Window | None:
    """Return the window that an instant is in."""
    local = at.astimezone(zones.zone(schedule.zone))
    weekday, minute = local.weekday(), local.hour * 60 + local.minute
    return next((window for window in schedule.windows if window.has(weekday, minute)), None)


def pieces(schedule: Schedule | None, started_at: datetime, until_at: datetime) -> list[Piece]:
    """Return the pieces of the time between two instants, the first of which begins with it. There always is one."""
    if schedule is None:
        return [Piece(started_at, None)]
    found = [Piece(started_at, window_at(schedule, started_at))]
    zone = zones.zone(schedule.zone)
    day, last = (at.astimezone(zone).date() for at in (started_at, until_at))
    while day <= last and len(found) < MAX_PIECES:
        found += [one for one in _of_day(schedule, day) if started_at < one.begins_at < until_at]
        day += DAY
    changed = [after for before, after in pairwise(found) if after.window != before.window]
    return [found[0], *changed][:MAX_PIECES]


def next_border(schedule: Schedule, at: datetime) -> datetime | None:
    """Return the first instant after another at which the prices change; None if they never do."""
    ahead = pieces(schedule, at, at + timedelta(days=8))
    return ahead[1].begins_at if len(ahead) > 1 else None


@lru_cache(maxsize=4096)  # days of schedules: thousands of sessions in a list share them
def _of_day(schedule: Schedule, day: date) -> tuple[Piece, ...]:
    """Return the pieces of a local day, of which neighbours may have the same window."""
    zone = zones.zone(schedule.zone)
    begins_at, ends_at = _instant(zone, day, 0), _instant(zone, day + DAY, 0)
    of_day = [window for window in schedule.windows if day.weekday() in window.days]
    minutes = {minute for window in of_day for minute in (window.from_min, window.to_min % DAY_MIN)}
    instants = {_instant(zone, day, minute, fold) for minute in minutes for fold in (0, 1)}
    instants |= {begins_at, _change_of_clocks(zone, begins_at, ends_at)}
    return tuple(Piece(at, window_at(schedule, at)) for at in sorted(instants) if begins_at <= at < ends_at)


def _instant(zone: tzinfo, day: date, minute: int, fold: int = 0) -> datetime:
    """Return the instant of a local time: of one that comes twice the first, or with `fold` the second."""
    return datetime.combine(day, time(minute // 60, minute % 60, fold=fold), zone).astimezone(UTC)


def _change_of_clocks(zone: tzinfo, begins_at: datetime, ends_at: datetime) -> datetime:
    """Return the instant of a day at which the clocks are changed; its beginning if they are not."""
    offset = begins_at.astimezone(zone).utcoffset()
    if ends_at.astimezone(zone).utcoffset() == offset:
        return begins_at
    before, after = 0, (ends_at - begins_at) // timedelta(seconds=1)
    while after - before > 1:
        middle = (before + after) // 2
        is_before = (begins_at + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset
        before, after = (middle, after) if is_before else (before, middle)
    return begins_at + timedelta(seconds=after)
