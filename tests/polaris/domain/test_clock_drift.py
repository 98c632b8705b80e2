"""How a clock drifts: found in its samples, beside its jumps; and when a sample is worth storing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.clock_drift import ROUND, Drift, Sample, Sampler, drift

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def days(*ahead_s: float) -> list[Sample]:
    return [Sample(NOW + timedelta(days=day), ahead, ahead, ahead) for day, ahead in enumerate(ahead_s)]


def test_nothing_sampled() -> None:
    assert drift([]) == Drift()
    alone = drift(days(3.0))
    assert (alone.seen, alone.is_known, alone.ahead_s, alone.jumps) == (0, False, 3.0, 0)


@given(st.floats(-30, 30), st.integers(11, 90))
def test_steady_drift_found(per_day_s: float, count: int) -> None:
    found = drift(days(*(per_day_s * day for day in range(count))))
    assert (found.seen, found.is_known, found.jumps) == (count - 1, True, 0)
    assert found.per_day_s == pytest.approx(per_day_s, abs=1e-6)


def test_ten_pairs_are_enough() -> None:
    assert not drift(days(*range(10))).is_known
    assert drift(days(*range(11))).is_known


def test_steps_are_jumps_and_no_drift() -> None:
    found = drift(days(*range(8), *range(6), 3600, 3601, 3602, *range(6)))
    assert found.per_day_s == pytest.approx(1)
    assert (found.jumps, found.seen, found.ahead_s) == (3, 19, 5)


def test_jump_within_a_day() -> None:
    samples = days(*[0.0] * 12)
    samples[5] = Sample(samples[5].at, 0.0, 0.0, 3600.0)
    assert drift(samples).jumps == 1


def stored(*messages: tuple[float, float]) -> list[tuple[float, float]]:
    """What is stored of messages at so many seconds that seem ahead by so much: how far ahead, and when."""
    sampler = Sampler()
    due = [sampler.heard(timedelta(seconds=ahead), at(seconds)) for seconds, ahead in messages]
    return [(one[0].total_seconds(), (one[1] - NOW).total_seconds()) for one in due if one is not None]


ROUND_S = ROUND.total_seconds()
DAY_S = 86_400


def test_newest_looking_message_of_a_round_is_stored() -> None:
    assert stored((0, -0.4), (10, -0.1), (20, -9), (ROUND_S, -0.3)) == [(-0.1, 10)]


def test_unchanged_clock_stored_once_a_day() -> None:
    found = stored(*((minute * 60, 0.5) for minute in range(3 * 24 * 60)))
    assert len(found) == 3
    assert [when for _, when in found] == pytest.approx([0, DAY_S, 2 * DAY_S], abs=ROUND_S)


@pytest.mark.parametrize(("ahead", "count"), [(4, 1), (6, 2), (-6, 2)])
def test_changed_clock_stored_at_once(ahead: float, count: int) -> None:
    assert len(stored((0, 0), (ROUND_S, ahead), (2 * ROUND_S, ahead), (3 * ROUND_S, ahead))) == count


def test_queue_is_no_sample() -> None:
    assert stored(*((minute * 60, -3600) for minute in range(60))) == []
