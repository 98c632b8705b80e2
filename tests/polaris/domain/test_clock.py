"""A charger's clock: what its messages show of it, live, from its queue, and when somebody puts it right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.clock import BELIEVED, JITTER, RIGHT, STEADY, Clock, heard

pytestmark = pytest.mark.field(118)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AHEAD = timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def told(clock: Clock, *minutes: tuple[float, float], ahead: timedelta = AHEAD) -> Clock:
    """The clock after messages recorded and received so many minutes from now."""
    for recorded, received in minutes:
        clock = heard(clock, NOW + recorded * MINUTE + ahead, NOW + received * MINUTE)
    return clock


LIVE = told(Clock(), (0, 0))
KNOWN = Clock(AHEAD)  # as a new connection has it from the last one


@pytest.mark.parametrize("hours", [2 / 60 + 0.001, 1, 2, 14, 24, 24 * 365 * 73])
def test_ahead_clock_learnt_from_one_message(hours: float) -> None:
    ahead = timedelta(hours=hours)
    assert abs(told(Clock(), (0, 0), ahead=ahead).offset - ahead) < timedelta(seconds=1)


@pytest.mark.parametrize("minutes", [2, 0, -2, -3, -600])
def test_believed_clock_unchanged(minutes: float) -> None:
    assert told(Clock(), (0, 0), ahead=minutes * MINUTE) == BELIEVED


def test_delay_makes_no_difference() -> None:
    assert told(LIVE, (1, 1.5), (2, 2), (3, 6)).offset == AHEAD
    assert told(Clock(), (0, 3), (4, 4)).offset == AHEAD  # the first had been delayed


def test_queue_of_known_clock_keeps_offset() -> None:
    queue = [(minute, minute / 6000) for minute in range(-300, 0)]  # some of it is as old as the clock is ahead
    clock = KNOWN
    for one in queue:
        clock = told(clock, one)
        assert clock.offset == AHEAD
    assert told(clock, (1, 1), (6, 6)).offset == AHEAD


def test_queue_after_live_status_keeps_offset() -> None:
    assert told(KNOWN, (0, 0), (-300, 0.1), (-121, 0.11), (-120, 0.12), (-60, 0.13), (1, 1)).offset == AHEAD


def test_clock_put_right_in_mid_session() -> None:
    assert told(LIVE, (1, 1), ahead=RIGHT).offset == RIGHT


def test_clock_put_right_while_away() -> None:
    assert told(KNOWN, (1, 1), ahead=RIGHT).offset == RIGHT
    queued = told(KNOWN, (-30, 0), (-10, 0.1), ahead=RIGHT)  # nothing tells yet that these are not hours older
    assert queued.offset == AHEAD
    assert told(queued, (1, 1), (4, 4), ahead=RIGHT).offset == RIGHT


def test_summer_time_ends_in_mid_session() -> None:
    assert told(LIVE, (1, 1), ahead=timedelta(hours=1)).offset == timedelta(hours=1)


def test_steady_clock_is_live_whatever_came_before() -> None:
    an_hour = timedelta(hours=1)
    assert told(KNOWN, (0, 0), (1, 1), ahead=an_hour).offset == AHEAD
    assert told(KNOWN, (0, 0), (1, 1), (2, 2), ahead=an_hour).offset == an_hour


def test_event_that_waited_clears_nothing() -> None:
    assert heard(LIVE, NOW, NOW, is_queued=True).offset == AHEAD
    assert heard(Clock(), NOW + AHEAD, NOW, is_queued=True).offset == AHEAD


@pytest.mark.parametrize("year", [1, 1970, 2000])
def test_clock_before_any_queue(year: int) -> None:
    then = datetime(year, 1, 1, tzinfo=UTC)
    clock = heard(heard(Clock(), then, NOW), then + 5 * MINUTE, NOW + 5 * MINUTE)
    assert clock.offset == then - NOW
    assert heard(clock, NOW + 6 * MINUTE, NOW + 6 * MINUTE).offset == RIGHT


def test_one_absurd_instant_is_forgotten() -> None:
    clock = heard(Clock(), datetime(2099, 1, 1, tzinfo=UTC), NOW)
    assert told(clock, (1, 1), ahead=RIGHT).offset == RIGHT


@pytest.mark.parametrize("minutes", [65, 24 * 60, 38_000_000, -13_000_000])
def test_one_wrong_instant_among_right_ones(minutes: float) -> None:
    wrong = heard(told(Clock(), (-120, 0), ahead=RIGHT), NOW + minutes * MINUTE, NOW)
    assert (wrong.offset, wrong.is_doubted) == (minutes * MINUTE, True)
    for recorded in (-60, 0):
        assert told(wrong, (recorded, 0.1), ahead=RIGHT).offset == RIGHT
    second = heard(wrong, NOW + (minutes + 1) * MINUTE, NOW + MINUTE)
    assert (second.offset, second.is_doubted) == (minutes * MINUTE, False)
    other = heard(wrong, NOW + (minutes + 60) * MINUTE, NOW)
    assert (other.offset, other.is_doubted) == ((minutes + 60) * MINUTE, True)


def test_clock_years_behind_is_put_right() -> None:
    clock = heard(Clock(), datetime(1970, 1, 1, tzinfo=UTC), NOW)
    assert told(clock, (-60, 0), ahead=RIGHT).offset == RIGHT  # from the queue, by the right clock


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 10)), max_size=20))
def test_instant_after_offset_is_never_far_ahead(steps: list[tuple[float, float]]) -> None:
    clock, received_at = Clock(), NOW
    for ahead_s, seconds in steps:
        received_at += timedelta(seconds=seconds)
        at = received_at + timedelta(seconds=ahead_s)
        clock = heard(clock, at, received_at)
        assert at - clock.offset <= received_at + 2 * JITTER


def test_steady_is_longer_than_jitter() -> None:
    assert STEADY > JITTER  # else a queue of readings a minute apart, sent at once, could seem live
