"""The table of evidence: what each fact does to a session that it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from polaris.domain import evidence
from polaris.domain import session as lifecycle
from polaris.domain.enums import SessionState
from polaris.domain.evidence import EFFECTS, Effect, Evidence, Weighed
from polaris.domain.metering import Reading

T = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_every_evidence_has_an_effect() -> None:
    assert set(EFFECTS) == set(Evidence)


@pytest.mark.field(112, 113)
@pytest.mark.parametrize(
    ("session", "start", "expected"),
    [
        (Weighed(T), {"is_refused": True}, Evidence.START_REFUSED),
        (Weighed(T), {}, Evidence.START_LATER),
        (Weighed(T + 2 * MINUTE), {}, Evidence.START_OLDER),
        (Weighed(T + 2 * MINUTE), {"is_dated": False}, Evidence.START_LATER),
        (Weighed(T + 2 * MINUTE, is_idle_refusal=True), {}, Evidence.START_LATER),
        (Weighed(T, named_at=T + 2 * MINUTE), {}, Evidence.START_CONTRADICTED),
        (Weighed(T, named_at=T + MINUTE / 2), {}, Evidence.START_LATER),
    ],
)
def test_start(session: Weighed, start: dict[str, bool], expected: Evidence) -> None:
    values = {"is_dated": True, "is_refused": False} | start
    assert evidence.of_start(session, started_at=T + MINUTE, **values) is expected


@pytest.mark.field(130)
@pytest.mark.parametrize(
    ("reason", "is_asked_for", "effect"),
    [
        ("Triggered", False, Effect.NONE),
        ("", True, Effect.NONE),
        ("", False, Effect.DOUBTS),
        ("PowerUp", True, Effect.DOUBTS),
    ],
)
def test_boot(reason: str, is_asked_for: bool, effect: Effect) -> None:
    assert EFFECTS[evidence.of_boot(reason, is_asked_for=is_asked_for)] is effect


@pytest.mark.field(130)
@pytest.mark.field(113)
@pytest.mark.parametrize(
    ("connector", "evse_ids", "places"),
    [(1, {1}, (1, 0)), (0, {1}, (1, 0)), (0, {1, 2}, ()), (0, set(), ()), (2, {1}, (2,)), (2, {1, 2}, (2,))],
)
def test_places_of_start(connector: int, evse_ids: set[int], places: tuple[int, ...]) -> None:
    assert evidence.shares(connector, evse_ids) == places


def test_available_before_reading_is_none() -> None:
    assert EFFECTS[evidence.of_available(T, T + MINUTE)] is Effect.NONE
    assert EFFECTS[evidence.of_available(T, T)] is Effect.DOUBTS
    assert EFFECTS[evidence.of_available(None, T + MINUTE)] is Effect.DOUBTS


@pytest.mark.field(111)
@pytest.mark.parametrize(
    ("at", "state", "ended_at", "has_moved_on", "expected"),
    [
        (None, SessionState.ACTIVE, None, False, True),
        (None, SessionState.ACTIVE, None, True, False),
        (None, SessionState.COMPLETED, T, True, False),
        (None, SessionState.ESTIMATED, T, False, False),
        (T, SessionState.ACTIVE, None, True, True),
        (T, SessionState.COMPLETED, T + MINUTE, True, True),
        (T, SessionState.COMPLETED, T, True, False),  # a stuck clock
    ],
)
def test_repetition(
    at: datetime | None, state: SessionState, ended_at: datetime | None, has_moved_on: bool, expected: bool
) -> None:
    is_repetition = evidence.is_repetition(
        at=at, state=state, ended_at=ended_at, is_refused=False, has_moved_on=has_moved_on
    )
    assert is_repetition is expected


@pytest.mark.field(112)
def test_resumed_unless_ended() -> None:
    begun = lifecycle.begin(T, T, 0)
    closed = lifecycle.supersede(begun, received_at=T + MINUTE).session
    resumed = lifecycle.resume(closed, 7000).session
    assert (resumed.state, resumed.ended_at, resumed.power_w) == (SessionState.ACTIVE, None, 7000)
    ended = lifecycle.end(begun, Reading(T, "Transaction.End", 0), T, "").session
    assert lifecycle.resume(ended, None).session == ended
