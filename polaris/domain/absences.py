"""When a charger was gone, from its connections: how often, how long, and at what hours of its site's day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from polaris.domain.behaviour import MIN_SEEN, percentile
from polaris.domain.enums import EndedBy

MIN_GONE = timedelta(minutes=1)  # a charger that is back at once has changed its connection
MIN_DAYS = 3  # on which it was gone at an hour, for that to be its habit
HOUR = timedelta(hours=1)


class Connection(NamedTuple):
    """A connection of a charger; `ended_at` is None while it goes on."""

    connected_at: datetime
    ended_at: datetime | None
    ended_by: str = EndedBy.CHARGER


class Absence(NamedTuple):
    gone_at: datetime
    back_at: datetime

    @property
    def lasted(self) -> timedelta:
        return self.back_at - self.gone_at


@dataclass(frozen=True, slots=True)
class Absences:
    """The absences of a charger since an instant, in the order of time."""

    gone: tuple[Absence, ...] = ()
    since_at: datetime | None = None  # None if nothing is known of its connections
    days: int = 0  # that were observed, begun ones included
    unanswered_pings: int = 0  # connections that were ended for want of an answer
    zone: tzinfo = UTC

    @property
    def seen(self) -> int:
        return len(self.gone)

    @property
    def gone_s(self) -> int:
        return sum(self._lengths_s)

    @property
    def median_s(self) -> int:
        return percentile(sorted(self._lengths_s), 50) if self.gone else 0

    @property
    def longest_s(self) -> int:
        return max(self._lengths_s, default=0)

    @property
    def _lengths_s(self) -> list[int]:
        return [int(absence.lasted.total_seconds()) for absence in self.gone]

    @property
    def is_known(self) -> bool:
        return self.seen >= MIN_SEEN

    @property
    def on_days(self) -> tuple[int, ...]:
        """Count for each hour of the day the days on which the charger was gone during a part of it."""
        hours = {(at.date(), at.hour) for absence in self.gone for at in _hours(absence, self.zone)}
        counts = [0] * 24
        for _, hour in hours:
            counts[hour] += 1
        return tuple(counts)

    @property
    def usual_hours(self) -> tuple[int, ...]:
        """The hours at which it is gone by habit: on several days, and on twice as many as at an average hour."""
        if not self.is_known:
            return ()
        on_days = self.on_days
        least = max(MIN_DAYS, sum(on_days) / 12)
        return tuple(hour for hour, days in enumerate(on_days) if days >= least)


def absences(connections: Iterable[Connection], since_at: datetime, now: datetime, zone: tzinfo) -> Absences:
    """Find the absences since an instant, or since the first connection if that is later."""
    ordered = sorted(connections, key=attrgetter("connected_at"))
    if not ordered:
        return Absences()
    since_at = max(since_at, ordered[0].connected_at)
    return Absences(
        gone=tuple(
            Absence(max(absence.gone_at, since_at), absence.back_at)
            for absence in between(ordered, now)
            if absence.back_at > since_at
        ),
        since_at=since_at,
        days=(now.astimezone(zone).date() - since_at.astimezone(zone).date()).days + 1,
        unanswered_pings=sum(
            connection.ended_by == EndedBy.PINGS for connection in ordered if _ended_since(connection, since_at)
        ),
        zone=zone,
    )


def _ended_since(connection: Connection, since_at: datetime) -> bool:
    return connection.ended_at is not None and connection.ended_at >= since_at


def between(ordered: Sequence[Connection], now: datetime) -> list[Absence]:
    """Return the absences between connections, and until now, without those that Polaris has caused itself."""
    ends = [connection.ended_at for connection in ordered]
    nexts = [following.connected_at for _, following in pairwise(ordered)] + [now]
    return [
        Absence(ended_at, back_at)
        for connection, ended_at, back_at in zip(ordered, ends, nexts, strict=True)
        if ended_at is not None and connection.ended_by != EndedBy.POLARIS and back_at - ended_at >= MIN_GONE
    ]


def _hours(absence: Absence, zone: tzinfo) -> Iterable[datetime]:
    """Yield an instant of each hour that an absence has a part in, in local time."""
    at = absence.gone_at
    while at < absence.back_at:
        local = at.astimezone(zone)
        yield local
        at += HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def runs(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Return hours of the day as spans from one to before another: (22, 2) goes over midnight."""
    present = set(hours)
    if len(present) == 24:
        return [(0, 24)]
    spans = []
    for first in sorted(hour for hour in present if (hour - 1) % 24 not in present):
        length = next(length for length in range(1, 25) if (first + length) % 24 not in present)
        spans.append((first, (first + length) % 24 or 24))
    return spans
