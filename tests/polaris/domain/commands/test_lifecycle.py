"""A command's life: the table, deadlines, and properties over any order of events; and the words for each end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from polaris.domain.commands import lifecycle, outcome_text
from polaris.domain.commands.lifecycle import GRACE, OPEN, CommandLimits, Progress
from polaris.domain.enums import CommandState as S
from polaris.domain.enums import RequestEvent as E

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = CommandLimits(answer=timedelta(seconds=30), begin=timedelta(seconds=180))


def after(*events: E, at: datetime = NOW, is_dry_run: bool = False) -> Progress:
    progress = lifecycle.begin(NOW, LIMITS, is_dry_run=is_dry_run)
    for event in events:
        moved = lifecycle.advance(progress, event, at, LIMITS)
        assert moved is not None, f"{event} changes nothing of {progress.state}"
        progress = moved
    return progress


drafted = partial(after, is_dry_run=True)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), S.DRAFTED),
        ((E.PREVIEWED,), S.PREVIEWED),
        ((E.NOT_SENT,), S.REJECTED),
        ((E.NO_RECEIVER,), S.OFFLINE),
        ((E.PUBLISH_FAILED,), S.ERROR),
        ((E.PREVIEWED, E.RELEASED, E.CLAIMED, E.ACCEPTED), S.ACCEPTED),
    ],
)
def test_dry_run(events: tuple[E, ...], state: S) -> None:
    assert drafted(*events).state is state


def test_dry_run_leads_to_sending_by_a_person_alone() -> None:
    """From the states of a dry run only RELEASED leads to those of what is sent, once the frame is known."""
    of_dry_runs = {S.DRAFTED, S.PREVIEWED}
    onwards = {
        (before, event)
        for (before, event), after in lifecycle.TRANSITIONS.items()
        if before in of_dry_runs and after not in {*of_dry_runs, S.REJECTED, S.OFFLINE, S.ERROR, S.TIMED_OUT}
    }
    assert onwards == {(S.PREVIEWED, E.RELEASED)}
    for event in E:
        if event is not E.RELEASED:
            assert lifecycle.advance(drafted(E.PREVIEWED), event, NOW + timedelta(days=1), LIMITS) is None
    for progress in (drafted(), after(), after(E.CLAIMED), after(E.CLAIMED, E.NO_ANSWER)):
        assert lifecycle.advance(progress, E.RELEASED, NOW, LIMITS) is None


def test_sent_dry_run_has_a_deadline_of_its_own() -> None:
    released = lifecycle.advance(drafted(E.PREVIEWED), E.RELEASED, NOW + timedelta(hours=1), LIMITS)
    assert released == Progress(S.REQUESTED, NOW + timedelta(hours=1) + LIMITS.answer)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((E.CLAIMED, E.ACCEPTED), S.ACCEPTED),
        ((E.CLAIMED, E.REJECTED), S.REJECTED),
        ((E.CLAIMED, E.NOT_SENT), S.REJECTED),
        ((E.CLAIMED, E.ERROR), S.ERROR),
        ((E.NO_RECEIVER,), S.OFFLINE),
        ((E.PUBLISH_FAILED,), S.ERROR),
        ((E.CLAIMED, E.NO_ANSWER), S.TIMED_OUT),
        ((E.CLAIMED, E.DISCONNECTED), S.UNKNOWN),
        ((E.CLAIMED, E.PROMISED), S.PROMISED),
        ((E.CLAIMED, E.PROMISED, E.FULFILLED), S.ACCEPTED),
        ((E.CLAIMED, E.FULFILLED), S.ACCEPTED),  # the session overtakes the answer
        ((E.CLAIMED, E.NO_ANSWER, E.ACCEPTED), S.ACCEPTED),  # late news still counts
        ((E.CLAIMED, E.NO_ANSWER, E.REJECTED), S.REJECTED),
        ((E.CLAIMED, E.NO_ANSWER, E.PROMISED, E.FULFILLED), S.ACCEPTED),
        ((E.CLAIMED, E.DISCONNECTED, E.FULFILLED), S.ACCEPTED),
    ],
)
def test_transitions(events: tuple[E, ...], state: S) -> None:
    assert after(*events).state is state


def test_each_open_state_expires() -> None:
    for events, waits, state in (
        ((), LIMITS.answer, S.TIMED_OUT),
        ((E.CLAIMED,), LIMITS.answer + GRACE, S.UNKNOWN),  # a bridge that lived would have said so
        ((E.CLAIMED, E.PROMISED), LIMITS.begin, S.TIMED_OUT),
    ):
        progress, moment = after(*events), timedelta(microseconds=1)
        assert lifecycle.advance(progress, E.DEADLINE, NOW + waits - moment, LIMITS) is None
        assert lifecycle.effective(progress, NOW + waits - moment) is progress.state
        moved = lifecycle.advance(progress, E.DEADLINE, NOW + waits, LIMITS)
        assert moved is not None
        assert moved.state is state
        assert lifecycle.effective(progress, NOW + waits) is state


def test_not_claimed_at_deadline() -> None:
    assert lifecycle.advance(after(), E.CLAIMED, NOW + LIMITS.answer, LIMITS) is None
    assert after(E.CLAIMED, at=NOW + timedelta(seconds=29)).deadline_at == NOW + timedelta(seconds=59)


class Life(RuleBasedStateMachine):
    """Any events at any time: every state answers every event, and time only moves on."""

    @initialize(is_dry_run=st.booleans())
    def begin(self, is_dry_run: bool) -> None:
        self.now, self.progress, self.claims = NOW, lifecycle.begin(NOW, LIMITS, is_dry_run=is_dry_run), 0
        self.is_held_back = is_dry_run

    @rule(event=st.sampled_from(E), seconds=st.integers(0, 200))
    def advance(self, event: E, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        before = self.progress
        moved = lifecycle.advance(before, event, self.now, LIMITS)
        if before.state in (S.ACCEPTED, S.REJECTED, S.ERROR, S.OFFLINE):
            assert moved is None  # these are the last word
        if event is E.RELEASED and moved is not None:
            self.is_held_back = False
        if event is E.CLAIMED and moved is not None:
            assert not self.is_held_back
            assert self.now < before.deadline_at
            self.claims += 1
        self.progress = moved or before

    @invariant()
    def it_is_sent_once_at_most(self) -> None:
        assert self.claims <= 1

    @invariant()
    def nothing_open_outlives_its_deadline_for_a_reader(self) -> None:
        later = lifecycle.runs_out_at(self.progress)
        assert lifecycle.effective(self.progress, later) not in OPEN
        assert self.progress.deadline_at <= self.now + LIMITS.begin

    @invariant()
    def writing_a_deadline_down_changes_nothing_for_a_reader(self) -> None:
        later = self.now + timedelta(hours=1)
        moved = lifecycle.advance(self.progress, E.DEADLINE, later, LIMITS) or self.progress
        assert moved.state is lifecycle.effective(self.progress, later)


TestLife = Life.TestCase


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("status", ["", "Accepted", "Rejected", "NotSupported", "<b>odd</b>"])
@pytest.mark.parametrize("is_sent", [True, False])
def test_every_end_has_a_sentence(state: S, status: str, is_sent: bool) -> None:
    said = outcome_text.sentence(state, status, is_sent=is_sent)
    assert said.endswith(".") or (not is_sent and state is S.REJECTED)
    assert "<b>" not in said or state in (S.ERROR, S.REJECTED)


def test_broken_promise_differs_from_silence() -> None:
    assert outcome_text.sentence(S.TIMED_OUT, "Accepted") != outcome_text.sentence(S.TIMED_OUT)
    assert outcome_text.sentence(S.ACCEPTED, "Accepted", is_begun=True) == "A session began."
