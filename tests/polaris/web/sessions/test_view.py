"""What a session's page says of its stop, and when time alone changes it."""

from datetime import UTC, datetime, timedelta

import pytest

from polaris.domain import stop_request
from polaris.domain.enums import StopState as S
from polaris.domain.stop_request import StopProgress
from polaris.web.sessions import stop as stop_view
from polaris.web.sessions import view as session_view
from polaris.web.sessions.stop import StopPhase

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STALE = timedelta(seconds=150)


def request(state: S, *, decided_s_ago: float = 0, deadline_s: float = 20, attempts: int = 1) -> StopProgress:
    decided_at = NOW - timedelta(seconds=decided_s_ago)
    return StopProgress(state, decided_at, NOW + timedelta(seconds=deadline_s), decided_at, attempts)


@pytest.mark.parametrize("state", S)
def test_every_state_has_phase_and_way_out(state: S) -> None:
    stop = stop_view.progress([request(state, decided_s_ago=60)], NOW)
    assert stop.is_pending == (state in stop_request.OPEN)
    assert stop.can_press != stop.is_pending


def test_failure_countdown_and_advice() -> None:
    rejected = request(S.REJECTED, decided_s_ago=2.5)
    first = stop_view.progress([rejected], NOW)
    assert (first.phase, first.wait_s, first.can_press, first.needs_advice) == (StopPhase.FAILED, 8, False, False)
    assert stop_view.progress([rejected, rejected], NOW).needs_advice


def test_second_attempt_wording() -> None:
    for state in stop_request.OPEN:
        assert stop_view.progress([request(state, attempts=2)], NOW).phase is StopPhase.ASKED_AGAIN


@pytest.mark.field(91)
@pytest.mark.parametrize("state", S)
def test_stopped_car_waits_for_unplugging(state: S) -> None:
    told = [request(state, decided_s_ago=60)]
    stop = stop_view.progress(told, NOW, "EVConnected")
    is_obeyed = state in (S.ACCEPTED, S.OVERDUE)
    assert (stop.phase is StopPhase.UNPLUG) == is_obeyed
    if is_obeyed:
        assert not stop.can_press
        assert not stop.is_pending
    else:
        assert stop == stop_view.progress(told, NOW)
    for going_on in ("Charging", "SuspendedEV", "Available", ""):
        assert stop_view.progress(told, NOW, going_on) == stop_view.progress(told, NOW)


@pytest.mark.parametrize(
    ("decided_s_ago", "is_longer", "changes_in_s"), [(0, False, 4), (3.5, False, 0.5), (4, True, 20), (9, True, 20)]
)
def test_accepted_stop_says_what_is_usual(decided_s_ago: float, is_longer: bool, changes_in_s: float) -> None:
    told = [request(S.ACCEPTED, decided_s_ago=decided_s_ago)]
    stop = stop_view.progress(told, NOW, usual_s=4)
    assert (stop.phase, stop.usual_s, stop.is_longer) == (StopPhase.ACCEPTED, 4, is_longer)
    assert stop_view.changes_at(told, NOW, 4) == NOW + timedelta(seconds=changes_in_s)


@pytest.mark.parametrize("state", [state for state in S if state is not S.ACCEPTED])
def test_other_stops_do_not(state: S) -> None:
    for told in ([request(state)], [request(S.ACCEPTED, attempts=2)]):
        assert stop_view.progress(told, NOW, usual_s=4).usual_s is None
        assert stop_view.changes_at(told, NOW, 4) == stop_view.changes_at(told, NOW)


def test_what_is_usual_changes_no_deadline() -> None:
    told = [request(S.ACCEPTED, decided_s_ago=50)]
    for usual_s in (None, 1, 100):
        assert stop_view.progress(told, NOW, usual_s=usual_s).is_pending
        assert stop_view.progress(told, NOW + timedelta(seconds=40), usual_s=usual_s).phase is StopPhase.OVERDUE


def test_overdue_stop_not_pending_before_sweep() -> None:
    stop = stop_view.progress([request(S.SENT, deadline_s=-30)], NOW)
    assert stop.phase is StopPhase.FAILED
    assert stop.can_press


@pytest.mark.parametrize(
    ("requests", "heard_s_ago", "expected_s"),
    [
        ([], 0, 150),  # silence begins
        ([], 150, 30),  # 2 min 30 s of silence: the third minute
        ([], 180, 60),
        ([request(S.SENT)], 0, 20),  # the deadline
        ([request(S.REJECTED, decided_s_ago=4)], 0, 6),  # the cooldown's end
        ([request(S.COMPLETED)], 100, 50),
    ],
)
def test_next_change_by_time(requests: list[StopProgress], heard_s_ago: int, expected_s: int) -> None:
    at = session_view.changes_at(requests, NOW - timedelta(seconds=heard_s_ago), STALE, NOW)
    assert at == NOW + timedelta(seconds=expected_s)


def test_average_power() -> None:
    assert session_view.average_power_w(22_000, 7200) == 11_000
    assert session_view.average_power_w(22_000, 0) is None
