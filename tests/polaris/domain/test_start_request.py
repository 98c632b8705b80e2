"""A driver's start: what prevents it, the first thing first, and how far one has come at any instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from polaris.domain import start_request
from polaris.domain.commands import lifecycle
from polaris.domain.commands.lifecycle import Progress
from polaris.domain.enums import AccountStatus, CommandState, ConnectorStatus, StartEnd
from polaris.domain.start_request import Bay, Driver, OwnCard, Place, Running, StartObstacle, StartPhase, StartProgress

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CARD, SECOND = OwnCard(1, "ADA-1"), OwnCard(2, "ADA-2")
BUSY_CARD = OwnCard(3, "ADA-3", Running(7, "Depot 1"))
ADA = Driver(AccountStatus.ACTIVE, (CARD, SECOND))
FREE = Place(is_allowed=True, is_online=True, status=ConnectorStatus.AVAILABLE)
YARD = Bay("yard-1", "Yard 1", 2)


def kind(driver: Driver = ADA, place: Place = FREE, card: OwnCard | None = CARD) -> StartObstacle | None:
    obstacle = start_request.obstacle(driver, place, card)
    return None if obstacle is None else obstacle.kind


def start(state: CommandState, **changes: object) -> StartProgress:
    progress = StartProgress(Progress(state, NOW + timedelta(minutes=3)), NOW, is_sent=True, is_answered=False)
    return replace(progress, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (FREE, None),
        (replace(FREE, is_allowed=False), StartObstacle.OUT_OF_SERVICE),
        (replace(FREE, is_online=False), StartObstacle.OFFLINE),
        (replace(FREE, is_online=False, status="Faulted"), StartObstacle.OFFLINE),
        (replace(FREE, status="Faulted"), StartObstacle.OUT_OF_ORDER),
        (replace(FREE, status="Unavailable", is_taken=True), StartObstacle.OUT_OF_SERVICE),
        (replace(FREE, is_taken=True), StartObstacle.IN_USE),
        (replace(FREE, status="SuspendedEVSE"), StartObstacle.IN_USE),
        (replace(FREE, status="Reserved"), StartObstacle.RESERVED),
        (replace(FREE, status="Reserved", reserved_for=frozenset({"BEN-1"})), StartObstacle.RESERVED),
        (replace(FREE, status="Reserved", reserved_for=frozenset({"ADA-1"})), None),
        (replace(FREE, status="Occupied"), None),
        (replace(FREE, status="Preparing"), None),
        (replace(FREE, status="Finishing"), None),
        (replace(FREE, status="as its maker says"), None),
    ],
)
def test_connector_allows_or_not(place: Place, expected: StartObstacle | None) -> None:
    assert kind(place=place) is expected


def test_what_the_driver_can_mend_comes_first() -> None:
    broken = replace(FREE, status="Faulted")
    starting = replace(ADA, starting=YARD)
    assert kind(replace(ADA, status=AccountStatus.STOPPED, cards=()), broken, None) is StartObstacle.ACCOUNT_INACTIVE
    assert kind(replace(ADA, cards=()), broken, None) is StartObstacle.NO_CARD
    assert kind(starting, broken, BUSY_CARD) is StartObstacle.CHARGING
    assert kind(starting, broken) is StartObstacle.STARTING
    assert start_request.obstacle(starting, FREE, CARD) == start_request.Obstacle(StartObstacle.STARTING, starting=YARD)


def test_proposed_card_is_one_that_may_start() -> None:
    assert start_request.proposed(ADA, FREE) == CARD
    assert start_request.proposed(replace(ADA, cards=(BUSY_CARD, SECOND)), FREE) == SECOND
    reserved = replace(FREE, status="Reserved", reserved_for=frozenset({"ADA-2"}))
    assert start_request.proposed(ADA, reserved) == SECOND
    assert start_request.proposed(ADA, replace(FREE, is_online=False)) == CARD
    assert start_request.proposed(replace(ADA, cards=(BUSY_CARD, SECOND)), replace(FREE, is_online=False)) == SECOND
    assert start_request.proposed(replace(ADA, cards=()), FREE) is None


@pytest.mark.parametrize(
    ("progress", "phase"),
    [
        (None, StartPhase.READY),
        (start(CommandState.REQUESTED, is_sent=False), StartPhase.SENT),
        (start(CommandState.SENT), StartPhase.SENT),
        (start(CommandState.PROMISED, is_answered=True), StartPhase.PLUG_IN),
        (start(CommandState.ACCEPTED, session=7, is_session_active=True), StartPhase.CHARGING),
        (start(CommandState.ACCEPTED, session=7, is_session_active=True, is_late=True), StartPhase.LATE),
        (start(CommandState.TIMED_OUT, session=7, is_session_active=True, is_late=True), StartPhase.LATE),
        (start(CommandState.ACCEPTED, session=7), StartPhase.ENDED),
        (start(CommandState.REJECTED), StartPhase.FAILED),
        (start(CommandState.REJECTED, is_sent=False), StartPhase.UNSUITED),
        (start(CommandState.ERROR), StartPhase.FAILED),
        (start(CommandState.ERROR, is_sent=False), StartPhase.UNSENT),
        (start(CommandState.OFFLINE, is_sent=False), StartPhase.OFFLINE),
        (start(CommandState.TIMED_OUT, is_sent=False), StartPhase.UNSENT),
        (start(CommandState.TIMED_OUT), StartPhase.FAILED),
        (start(CommandState.PROMISED, end=StartEnd.OVERTAKEN), StartPhase.TAKEN),
        (start(CommandState.TIMED_OUT, end=StartEnd.OVERTAKEN), StartPhase.TAKEN),
        (start(CommandState.SENT, end=StartEnd.GIVEN_UP), StartPhase.GIVEN_UP),
        (start(CommandState.SENT, end=StartEnd.CARD_BLOCKED), StartPhase.CARD_BLOCKED),
        (start(CommandState.PROMISED, end=StartEnd.ACCOUNT_INACTIVE), StartPhase.ACCOUNT_INACTIVE),
        (start(CommandState.UNKNOWN), StartPhase.UNKNOWN),
    ],
)
def test_phases(progress: StartProgress | None, phase: StartPhase) -> None:
    assert start_request.phase(progress, FREE, NOW) is phase


@pytest.mark.parametrize("state", [state for state in CommandState if state not in ("drafted", "previewed")])
def test_every_state_runs_out_and_is_forgotten(state: CommandState) -> None:
    progress = start(state, is_answered=True)
    after = start_request.phase(progress, FREE, progress.command.deadline_at + lifecycle.GRACE)
    assert after not in start_request.PENDING
    at = progress.command.deadline_at + start_request.FATE_SHOWN
    assert start_request.phase(progress, FREE, at) is StartPhase.READY
    assert start_request.changes_at(progress, None, at) is None


def test_promise_without_a_car_runs_out() -> None:
    for state in (CommandState.PROMISED, CommandState.TIMED_OUT):
        progress = start(state, is_answered=True)
        at = progress.command.deadline_at
        assert start_request.phase(progress, FREE, at) is StartPhase.NOT_PLUGGED_IN


def test_tap_at_the_connector_is_charging() -> None:
    place = replace(FREE, session=9)
    assert start_request.phase(None, place, NOW) is StartPhase.CHARGING
    assert start_request.phase(start(CommandState.REJECTED), place, NOW) is StartPhase.CHARGING


@pytest.mark.parametrize("end", StartEnd)
def test_start_that_is_over_is_under_way_no_more(end: StartEnd) -> None:
    progress = start(CommandState.PROMISED, end=end)
    assert not start_request.is_under_way(progress, NOW)
    assert start_request.cooldown_left(progress, NOW) == start_request.COOLDOWN
    at = progress.command.deadline_at
    assert start_request.phase(progress, FREE, at) is start_request.phase(progress, FREE, NOW)


def test_cooldown_after_a_failure_alone() -> None:
    half = NOW + start_request.COOLDOWN / 2
    assert start_request.cooldown_left(None, half) == timedelta(0)
    assert start_request.cooldown_left(start(CommandState.REJECTED), half) == start_request.COOLDOWN / 2
    assert start_request.cooldown_left(start(CommandState.REJECTED), NOW + start_request.COOLDOWN) == timedelta(0)
    assert start_request.cooldown_left(start(CommandState.SENT), half) == timedelta(0)
    assert start_request.cooldown_left(start(CommandState.ACCEPTED, session=7), half) == timedelta(0)


def test_page_changes_with_its_instants() -> None:
    progress = start(CommandState.PROMISED)
    deadline_at, lease_until_at = progress.command.deadline_at, NOW + timedelta(seconds=30)
    assert start_request.left(progress, NOW) == timedelta(minutes=3)
    seen, at = [], NOW
    while (following := start_request.changes_at(progress, lease_until_at, at)) is not None:
        seen.append(at := following)
    assert seen == [
        NOW + start_request.COOLDOWN,
        lease_until_at,
        deadline_at,
        deadline_at + start_request.FATE_SHOWN,
    ]
