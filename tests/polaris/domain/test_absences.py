"""When a charger was gone: between its connections, and at what hours of its site's day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.absences import Absences, Connection, absences, runs
from polaris.domain.enums import EndedBy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO = NOW - timedelta(days=90)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def nights(count: int) -> list[Connection]:
    """Connections of a charger that is gone each night from 23:00 to 23:30 UTC, which is 0:00 in Berlin."""
    first = at(-24 * count - 13)
    return [
        Connection(first + timedelta(days=day, minutes=30), first + timedelta(days=day + 1) if day < count else None)
        for day in range(count + 1)
    ]


def test_nothing_known() -> None:
    assert absences([], LONG_AGO, NOW, UTC) == Absences()


def test_absences_between_connections_and_until_now() -> None:
    connections = [Connection(at(-10), at(-8)), Connection(at(-7), at(-6.999)), Connection(at(-6.99), at(-3))]
    found = absences(connections, LONG_AGO, NOW, UTC)
    assert (found.seen, found.since_at, found.gone_s, found.longest_s) == (2, at(-10), 4 * 3600, 3 * 3600)
    still_here = absences([*connections, Connection(at(-1), None)], LONG_AGO, NOW, UTC)
    assert (still_here.seen, still_here.gone_s) == (2, 3 * 3600)


def test_what_polaris_caused_is_no_absence() -> None:
    connections = [Connection(at(-10), at(-8), EndedBy.POLARIS), Connection(at(-7), at(-6), EndedBy.PINGS)]
    found = absences(connections, LONG_AGO, NOW, UTC)
    assert (found.seen, found.gone_s, found.unanswered_pings) == (1, 6 * 3600, 1)


def test_overlapping_connections() -> None:
    found = absences([Connection(at(-10), at(-5)), Connection(at(-6), None)], LONG_AGO, NOW, UTC)
    assert found.seen == 0


def test_window_cuts() -> None:
    connections = [Connection(at(-10), at(-9)), Connection(at(-5), at(-4)), Connection(at(-1), None)]
    found = absences(connections, at(-7), NOW, UTC)
    assert (found.seen, found.since_at, found.gone_s) == (2, at(-7), 5 * 3600)


def test_usual_hours_in_local_time() -> None:
    found = absences(nights(12), LONG_AGO, NOW, BERLIN)
    assert (found.seen, found.usual_hours, found.on_days[0]) == (12, (0,), 12)
    assert absences(nights(12), LONG_AGO, NOW, UTC).usual_hours == (23,)


def test_two_bad_hours_are_no_habit() -> None:
    connections = [
        Connection(at(-48) + timedelta(minutes=4 * number), at(-48) + timedelta(minutes=4 * number + 2))
        for number in range(30)
    ]
    found = absences([*connections, Connection(at(-46), None)], LONG_AGO, NOW, UTC)
    assert found.seen == 30
    assert found.usual_hours == ()


@pytest.mark.parametrize(
    ("hours", "spans"),
    [
        ([], []),
        ([3], [(3, 4)]),
        ([1, 2, 3, 9], [(1, 4), (9, 10)]),
        ([22, 23, 0, 1], [(22, 2)]),
        ([22, 23], [(22, 24)]),
        (list(range(24)), [(0, 24)]),
    ],
)
def test_runs(hours: list[int], spans: list[tuple[int, int]]) -> None:
    assert runs(hours) == spans


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 50_000)), max_size=30))
def test_gone_no_longer_than_observed(pieces: list[tuple[int, int]]) -> None:
    connections = [
        Connection(NOW - timedelta(seconds=ago), NOW - timedelta(seconds=ago) + timedelta(seconds=min(ago, lasted)))
        for ago, lasted in pieces
    ]
    found = absences(connections, LONG_AGO, NOW, BERLIN)
    if found.since_at is not None:
        assert 0 <= found.gone_s <= (NOW - found.since_at).total_seconds()
        assert found.median_s <= found.longest_s <= found.gone_s
        assert max(found.on_days) <= found.days
