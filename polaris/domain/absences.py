"""When a charger was gone, from its connections: how often, how long, and at what hours of its site's day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
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
    """The absences of a charger since an instant. `on_days` says for each hour of the day on how many days it was."""

    seen: int = 0
    since_at: datetime | None = None  # None if nothing is known of its connections
    days: int = 0  # that were observed, begun ones included
    gone_s: int = 0
    median_s: int = 0
    longest_s: int = 0
    unanswered_pings: int = 0  # connections that were ended for want of an answer
    on_days: tuple[int, ...] = (0,) * 24

    @property
    def is_known(self) -> bool:
        return self.seen >= MIN_SEEN

    @property
    def usual_hours(self) -> tuple[int, ...]:
        """The hours at which it is gone by habit: on several days, and on twice as many as at an average hour."""
        least = max(MIN_DAYS, sum(self.on_days) / 12)
        return tuple(hour for hour, days in enumerate(self.on_days) if self.is_known and days >= least)


def absences(connections: Iterable[Connection], since_at: datetime, now: datetime, zone: tzinfo) -> Absences:
    """Summarise the absences since an instant, or since the first connection if that is later."""
    ordered = sorted(connections, key=lambda connection: connection.connected_at)
    if not ordered:
        return Absences()
    since_at = max(since_at, ordered[0].connected_at)
    gone = [
        Absence(max(absence.gone_at, since_at), absence.back_at)
        for absence in between(ordered, now)
        if absence.back_at > since_at
    ]
    lengths = sorted(int(absence.lasted.total_seconds()) for absence in gone)
    return Absences(
        len(gone),
        since_at,
        (now.astimezone(zone).date() - since_at.astimezone(zone).date()).days + 1,
        sum(lengths),
        percentile(lengths, 50) if lengths else 0,
        max(lengths, default=0),
        sum(connection.ended_by == EndedBy.PINGS for connection in ordered if _ended_since(connection, since_at)),
        _on_days(gone, zone),
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


def _on_days(gone: Iterable[Absence], zone: tzinfo) -> tuple[int, ...]:
    """Count for each hour of the day the days on which the charger was gone during a part of it."""
    hours = {(at.date(), at.hour) for absence in gone for at in _hours(absence, zone)}
    counts = [0] * 24
    for _, hour in hours:
        counts[hour] += 1
    return tuple(counts)


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
