"""What a charger is like: outcomes, delays, and firmwares that fail more; by examples and by simulation."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.behaviour import (
    MAX_SEEN,
    MIN_SEEN,
    SPELL,
    STOP_FAILURES,
    Asked,
    Cable,
    Outcome,
    SentStop,
    Worse,
    cable,
    chance,
    delays,
    is_card_needed,
    of_command,
    of_stop,
    record,
    worse,
)
from polaris.domain.commands.lifecycle import Progress
from polaris.domain.enums import CommandState, StopState
from polaris.domain.stop_request import StopProgress

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMIT_S = 60


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def stop(
    state: StopState,
    *,
    answered: float | None = 0.5,
    decided: float = 4.5,
    attempts: int = 1,
    ended: float | None = None,
    reason: str = "Remote",
    waits_for_cable: bool = False,
) -> SentStop:
    """A stop that was sent at 0, with a deadline a minute after the charger's answer."""
    progress = StopProgress(state, at(-1), at((answered or 0) + LIMIT_S), at(decided), attempts)
    ended_at = None if ended is None else at(ended)
    return SentStop(progress, at(0), None if answered is None else at(answered), ended_at, reason, waits_for_cable)


def asked(failures: list[bool], apart: timedelta = SPELL) -> list[Asked]:
    return [
        Asked(NOW + number * apart, Outcome.REFUSED if is_failed else Outcome.DONE)
        for number, is_failed in enumerate(failures)
    ]


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (stop(StopState.COMPLETED, ended=4), Asked(at(0), Outcome.DONE, 0.5, 4.0)),
        (stop(StopState.COMPLETED, ended=4, reason=""), Asked(at(0), Outcome.DONE, 0.5, 4.0)),
        (stop(StopState.COMPLETED, answered=5, ended=4), Asked(at(0), Outcome.DONE, 5.0, 0.0)),
        (stop(StopState.COMPLETED, answered=None, ended=4), Asked(at(0), Outcome.DONE)),
        (stop(StopState.COMPLETED, ended=4, reason="EVDisconnected"), Asked(at(0), Outcome.DONE, 0.5)),
        (stop(StopState.COMPLETED, ended=90, decided=90, attempts=2), Asked(at(0), Outcome.DONE, 0.5, 89.5)),
        (stop(StopState.COMPLETED, ended=4, decided=7200), Asked(at(0), Outcome.DONE, 0.5)),  # its end was queued
        (
            stop(StopState.COMPLETED, ended=90, decided=90, reason="EVDisconnected"),
            Asked(at(0), Outcome.UNFINISHED, 0.5),
        ),
        (stop(StopState.COMPLETED), Asked(at(0), Outcome.UNFINISHED, 0.5)),  # closed by the operator
        (stop(StopState.COMPLETED, answered=None), Asked(at(0), Outcome.UNANSWERED)),
        (stop(StopState.OVERDUE), Asked(at(0), Outcome.UNFINISHED, 0.5)),
        (stop(StopState.REJECTED), Asked(at(0), Outcome.REFUSED, 0.5)),
        (stop(StopState.FAILED), Asked(at(0), Outcome.REFUSED, 0.5)),
        (stop(StopState.REJECTED, attempts=2), Asked(at(0), Outcome.UNFINISHED, 0.5)),
        (stop(StopState.TIMED_OUT, answered=None), Asked(at(0), Outcome.UNANSWERED)),
        (stop(StopState.TIMED_OUT, attempts=2), Asked(at(0), Outcome.UNFINISHED, 0.5)),
        (stop(StopState.UNKNOWN, answered=None), Asked(at(0), Outcome.UNANSWERED)),
        (stop(StopState.SENT, answered=None), None),
        (stop(StopState.ACCEPTED), None),
        (stop(StopState.OFFLINE, attempts=2), None),
        (stop(StopState.OVERDUE, waits_for_cable=True), None),
    ],
)
def test_outcome_of_stop(sent: SentStop, outcome: Asked | None) -> None:
    assert of_stop(sent, at(10)) == outcome


def test_open_stop_runs_out() -> None:
    now = at(75)
    assert of_stop(stop(StopState.SENT, answered=None), now) == Asked(at(0), Outcome.UNANSWERED)
    assert of_stop(stop(StopState.ACCEPTED, attempts=2), now) == Asked(at(0), Outcome.UNFINISHED, 0.5)


@pytest.mark.parametrize(
    ("state", "answered", "outcome"),
    [
        (CommandState.ACCEPTED, 2, Asked(at(0), Outcome.DONE, 2)),
        (CommandState.ACCEPTED, None, Asked(at(0), Outcome.DONE)),  # its session began before the answer
        (CommandState.PROMISED, 2, Asked(at(0), Outcome.DONE, 2)),
        (CommandState.TIMED_OUT, 2, Asked(at(0), Outcome.DONE, 2)),  # no car was plugged in
        (CommandState.REJECTED, 2, Asked(at(0), Outcome.REFUSED, 2)),
        (CommandState.ERROR, 2, Asked(at(0), Outcome.REFUSED, 2)),
        (CommandState.TIMED_OUT, None, Asked(at(0), Outcome.UNANSWERED)),
        (CommandState.UNKNOWN, None, Asked(at(0), Outcome.UNANSWERED)),
        (CommandState.SENT, None, None),
    ],
)
def test_outcome_of_command(state: CommandState, answered: float | None, outcome: Asked | None) -> None:
    answered_at = None if answered is None else at(answered)
    assert of_command(Progress(state, at(15)), at(0), answered_at, at(10)) == outcome


def test_known_from_ten_on() -> None:
    few, enough = delays([3.2] * (MIN_SEEN - 1)), delays([3.2] * MIN_SEEN)
    assert (few.seen, few.is_known, few.usual_s) == (9, False, None)
    assert (enough.seen, enough.is_known, enough.usual_s) == (10, True, 4)
    assert delays([0.0] * MIN_SEEN).usual_s == 1
    assert delays([]) == delays([None]) == record([]).end


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=MAX_SEEN))
def test_percentiles_are_of_the_observed(observed: list[float]) -> None:
    summary = delays(observed)
    assert min(observed) <= summary.median_s <= summary.most_s <= summary.worst_s == max(observed)
    for percent, figure in ((50, summary.median_s), (95, summary.most_s)):
        assert figure in observed
        assert 100 * sum(value <= figure for value in observed) >= percent * len(observed)
        assert 100 * sum(value < figure for value in observed) < percent * len(observed)


@pytest.mark.parametrize("seed", range(5))
def test_simulated_delays_found(seed: int) -> None:
    source = random.Random(seed)
    summary = delays(source.gauss(4, 0.8) for _ in range(MAX_SEEN))
    assert summary.median_s == pytest.approx(4, rel=0.1)
    assert summary.most_s == pytest.approx(4 + 1.645 * 0.8, rel=0.1)


def test_record_counts() -> None:
    outcomes = [Outcome.DONE] * 7 + [Outcome.REFUSED] * 2 + [Outcome.UNANSWERED] + [Outcome.UNFINISHED] * 3
    made = record([Asked(at(60 - number), outcome) for number, outcome in enumerate(outcomes)])
    assert (made.seen, made.refused, made.unanswered, made.unfinished) == (13, 2, 1, 3)
    assert (made.is_known, made.since_at) == (True, at(48))


def tables(failed: int, seen: int, seen_before: int) -> Iterator[Worse]:
    for now in range(failed + 1):
        if now <= seen and failed - now <= seen_before:
            yield Worse(now, seen, failed - now, seen_before)


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_chance_is_exact(seen: int, seen_before: int, data: st.DataObject) -> None:
    """The least extreme table has chance 1, and each further failure makes it smaller, to the whole table's end."""
    failed = data.draw(st.integers(0, seen + seen_before))
    chances = [chance(counts) for counts in tables(failed, seen, seen_before)]
    assert chances[0] == 1
    assert chances == sorted(chances, reverse=True)
    assert min(chances) > 0


def test_chance_by_enumeration() -> None:
    """Of all ways in which 3 of 5 and 4 can fail, those with as many failures among the 5."""
    ways = [way for way in product((0, 1), repeat=9) if sum(way) == 3]
    as_many = [way for way in ways if sum(way[:5]) >= 2]
    assert chance(Worse(2, 5, 1, 4)) == Fraction(len(as_many), len(ways))


def test_lady_tasting_tea() -> None:
    assert chance(Worse(4, 4, 0, 4)) == Fraction(1, 70)
    assert chance(Worse(3, 4, 1, 4)) == Fraction(17, 70)


@pytest.mark.parametrize(
    ("failed", "seen", "failed_before", "seen_before", "times"),
    [(14, 60, 2, 58, 7), (10, 60, 0, 58, None)],
)
def test_worse_firmware(failed: int, seen: int, failed_before: int, seen_before: int, times: int | None) -> None:
    found = compared(failed, seen, failed_before, seen_before)
    assert found == Worse(failed, seen, failed_before, seen_before)
    assert found.times == times


@pytest.mark.parametrize(
    ("failed", "seen", "failed_before", "seen_before"),
    [
        (9, 60, 2, 58),  # as much comes about by chance in 3 of 100 pairs of equal firmwares
        (2, 58, 14, 60),  # it is better
        (9, 9, 0, 100),  # too few were seen
        (0, 0, 0, 0),
    ],
)
def test_no_worse_firmware(failed: int, seen: int, failed_before: int, seen_before: int) -> None:
    assert compared(failed, seen, failed_before, seen_before) is None


def compared(failed: int, seen: int, failed_before: int, seen_before: int) -> Worse | None:
    now = asked([number < failed for number in range(seen)])
    return worse(now, asked([number < failed_before for number in range(seen_before)]), STOP_FAILURES)


def test_bad_hours_are_no_character() -> None:
    """Twenty failures in one outage count once."""
    outage = asked([True] * 20, timedelta(minutes=5)) + asked([False] * 40, timedelta(days=1))
    assert worse(outage, asked([False] * 60), STOP_FAILURES) is None
    habit = asked([number % 3 == 0 for number in range(60)])
    assert worse(habit, asked([False] * 60), STOP_FAILURES) is not None


def test_equal_firmwares_are_rarely_named() -> None:
    """However often each of the two was asked, and how often."""
    source, named = random.Random(28), 0
    for _ in range(1000):
        rate = source.uniform(0.01, 0.3)
        pair = [
            asked(
                [source.random() < rate for _ in range(source.randint(20, MAX_SEEN))],
                timedelta(minutes=source.choice((20, 420))),
            )
            for _ in range(2)
        ]
        named += worse(pair[0], pair[1], STOP_FAILURES) is not None
    assert named <= 10


def test_worse_firmwares_are_named() -> None:
    """One that fails in 20 of 100 cases rather than in 3 is nearly always found in a hundred of each."""
    source, named = random.Random(28), 0
    for _ in range(100):
        now, before = ([source.random() < rate for _ in range(100)] for rate in (0.2, 0.03))
        named += worse(asked(now), asked(before), STOP_FAILURES) is not None
    assert named >= 85


def test_usual_is_rounded_up() -> None:
    assert delays([1.0] * 18 + [3.1, 9.0]).usual_s == ceil(3.1)


@pytest.mark.parametrize(
    ("freed", "asked", "needed"),
    [(60, 30, True), (60, -3600, False), (60, None, None), (4, 2, None)],
)
def test_card_needed_to_get_the_cable(freed: float, asked: float | None, needed: bool | None) -> None:
    assert is_card_needed(at(0), at(freed), None if asked is None else at(asked)) is needed


@pytest.mark.parametrize(
    ("held", "of", "found"),
    [
        (0, 9, Cable.UNKNOWN),
        (9, 9, Cable.UNKNOWN),
        (0, 10, Cable.LETS_GO),
        (1, 10, Cable.LETS_GO),
        (2, 10, Cable.UNKNOWN),
        (8, 10, Cable.UNKNOWN),
        (9, 10, Cable.HOLDS),
    ],
)
def test_cable_by_nine_of_ten(held: int, of: int, found: Cable) -> None:
    assert cable([number < held for number in range(of)]) is found
