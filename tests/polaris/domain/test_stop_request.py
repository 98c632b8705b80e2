"""The stop request's life: the table, deadlines, cooldown, and properties over any order of events."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from polaris.domain import stop_request
from polaris.domain.enums import RequestEvent as E
from polaris.domain.enums import StopState as S
from polaris.domain.stop_request import FAILED, OPEN, StopLimits, StopProgress

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = StopLimits(answer=timedelta(seconds=20), end=timedelta(seconds=60))


def after(*events: E) -> StopProgress:
    request = stop_request.begin(NOW, LIMITS)
    for event in events:
        at = request.deadline_at if event is E.DEADLINE else NOW
        moved = stop_request.advance(request, event, at, LIMITS)
        assert moved is not None, f"{event} changes nothing of {request.state}"
        request = moved
    return request


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((E.CLAIMED, E.ACCEPTED, E.SESSION_ENDED), S.COMPLETED),
        ((E.CLAIMED, E.REJECTED), S.REJECTED),
        ((E.CLAIMED, E.ERROR), S.FAILED),
        ((E.NO_RECEIVER,), S.OFFLINE),
        ((E.PUBLISH_FAILED,), S.FAILED),
        ((E.DEADLINE,), S.TIMED_OUT),
        ((E.CLAIMED, E.DEADLINE), S.TIMED_OUT),
        ((E.CLAIMED, E.DISCONNECTED), S.UNKNOWN),
        ((E.CLAIMED, E.DEADLINE, E.ACCEPTED), S.ACCEPTED),  # late news still counts
        ((E.CLAIMED, E.DISCONNECTED, E.SESSION_ENDED), S.COMPLETED),
        ((E.SESSION_ENDED,), S.COMPLETED),  # the end overtakes the command
    ],
)
def test_transitions(events: tuple[E, ...], state: S) -> None:
    assert after(*events).state is state


def test_accepted_without_end_retried_then_overdue() -> None:
    accepted, due = after(E.CLAIMED, E.ACCEPTED), NOW + LIMITS.end
    again = stop_request.advance(accepted, E.DEADLINE, due, LIMITS)
    assert again is not None
    assert (again.state, again.attempts, again.deadline_at) == (S.REQUESTED, 2, due + LIMITS.answer)
    for event, at in ((E.CLAIMED, due), (E.ACCEPTED, due), (E.DEADLINE, due + LIMITS.end)):
        again = stop_request.advance(again, event, at, LIMITS)
    assert again.state is S.OVERDUE


@pytest.mark.parametrize(("lost", "end"), [(E.DISCONNECTED, S.UNKNOWN), (E.DEADLINE, S.TIMED_OUT)])
def test_limits_is_sent_again_if_its_fate_is_not_known(lost: E, end: S) -> None:
    """A killed bridge leaves it as sent. Nobody watches, so it is asked once more, however late that is noticed."""
    first = replace(stop_request.begin_at_limit(NOW), is_at_limit=True)
    for event in (E.NO_RECEIVER, E.PUBLISH_FAILED):
        assert stop_request.advance(first, event, NOW, LIMITS) is None, "it waits for its charger"
    sent = stop_request.advance(first, E.CLAIMED, NOW, LIMITS)
    assert sent is not None
    late = NOW + timedelta(days=1)
    assert stop_request.effective(sent, late) is sent
    again = stop_request.advance(sent, lost, late, LIMITS)
    assert again is not None
    assert (again.state, again.attempts, again.deadline_at) == (S.REQUESTED, 2, late + stop_request.MAX_WAIT)
    for event, at in ((E.CLAIMED, late), (lost, late + LIMITS.answer)):
        again = stop_request.advance(again, event, at, LIMITS)
    assert again.state is end


def test_no_retry_long_after_deadline() -> None:
    too_late = NOW + LIMITS.end + stop_request.RETRY_WITHIN
    overdue = stop_request.advance(after(E.CLAIMED, E.ACCEPTED), E.DEADLINE, too_late, LIMITS)
    assert overdue is not None
    assert (overdue.state, overdue.decided_at) == (S.OVERDUE, NOW + LIMITS.end)


@pytest.mark.parametrize("event", [E.REJECTED, E.ERROR, E.DEADLINE, E.DISCONNECTED])
def test_completed_stop_is_final(event: E) -> None:
    assert stop_request.advance(after(E.CLAIMED, E.SESSION_ENDED), event, NOW, LIMITS) is None


def test_past_deadline_reads_as_timed_out() -> None:
    deadline = NOW + LIMITS.answer
    for events in ((), (E.CLAIMED,)):
        read = stop_request.effective(after(*events), deadline)
        assert (read.state, read.decided_at) == (S.TIMED_OUT, deadline)
    accepted = after(E.CLAIMED, E.ACCEPTED)
    retried_until = NOW + LIMITS.end + stop_request.RETRY_WITHIN
    assert stop_request.effective(accepted, NOW + LIMITS.end).state is S.ACCEPTED
    assert stop_request.effective(accepted, retried_until).state is S.OVERDUE
    assert stop_request.effective(accepted, NOW).state is S.ACCEPTED


def test_button_returns_after_ten_seconds() -> None:
    failed = after(E.CLAIMED, E.REJECTED)
    assert stop_request.cooldown_left(failed, NOW + timedelta(seconds=3)) == timedelta(seconds=7)
    assert not stop_request.cooldown_left(failed, NOW + timedelta(seconds=10))
    assert not stop_request.cooldown_left(after(E.CLAIMED), NOW)
    assert not stop_request.cooldown_left(None, NOW)


def test_failures_counted_in_a_row() -> None:
    failed, done = after(E.CLAIMED, E.REJECTED), after(E.CLAIMED)
    assert stop_request.failures_in_a_row([failed, failed, done, failed], NOW) == 2
    assert stop_request.failures_in_a_row([done, failed], NOW) == 0
    assert stop_request.failures_in_a_row([], NOW) == 0


class StopLife(RuleBasedStateMachine):
    """Any events at any time: every state answers every event, and time only moves on."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.request = stop_request.begin(NOW, LIMITS)
        self.has_ended = False

    @rule(event=st.sampled_from(E), seconds=st.integers(0, 90))
    def advance(self, event: E, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        moved = stop_request.advance(self.request, event, self.now, LIMITS)
        if self.request.state is S.COMPLETED:
            assert moved is None
        if event is E.SESSION_ENDED and self.request.state not in (S.REJECTED, S.FAILED, S.OFFLINE, S.COMPLETED):
            assert moved is not None
            assert moved.state is S.COMPLETED
        self.request = moved or self.request

    @invariant()
    def it_is_open_failed_or_completed(self) -> None:
        state = self.request.state
        assert [state in OPEN, state in FAILED, state is S.COMPLETED].count(True) == 1

    @invariant()
    def it_is_never_asked_more_than_twice(self) -> None:
        assert 1 <= self.request.attempts <= stop_request.MAX_ATTEMPTS

    @invariant()
    def nothing_open_outlives_its_deadline_for_a_reader(self) -> None:
        later = self.request.deadline_at + stop_request.RETRY_WITHIN
        assert stop_request.effective(self.request, later).state not in OPEN


TestStopLife = StopLife.TestCase


@pytest.mark.field(132)
@pytest.mark.parametrize(
    ("events", "reason", "minutes", "is_asked"),
    [
        ((E.CLAIMED, E.ACCEPTED, E.SESSION_ENDED), "Local", 1, True),
        ((E.CLAIMED, E.ACCEPTED, E.SESSION_ENDED), "", 1, True),
        ((E.CLAIMED, E.ACCEPTED, E.SESSION_ENDED), "EVDisconnected", 1, False),
        ((E.CLAIMED, E.DEADLINE, E.SESSION_ENDED), "Local", 60, False),  # somebody's at the charger, an hour later
        ((E.CLAIMED, E.DEADLINE, E.SESSION_ENDED), "Remote", 60, True),
        ((E.CLAIMED, E.DEADLINE, E.SESSION_ENDED), "remote_stop ", 60, True),
        ((E.CLAIMED, E.REJECTED), "Remote", 1, False),
    ],
)
def test_ended_as_asked_by_reason_and_time(events: tuple[E, ...], reason: str, minutes: int, is_asked: bool) -> None:
    ended_at = NOW + timedelta(minutes=minutes)
    request = replace(after(*events), decided_at=ended_at)
    assert stop_request.has_ended(request, reason, ended_at) == is_asked
