"""The session's life: examples of each rule, and properties over any order of facts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from polaris.domain import session
from polaris.domain.enums import SessionState
from polaris.domain.metering import Reading
from polaris.domain.session import Session

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def begun(meter_start_wh: int = 1000) -> Session:
    return session.begin(NOW, NOW, meter_start_wh)


def meter(before: Session, readings, minutes: float = 600) -> session.Decision:
    return session.meter(before, session.dated(readings, at(minutes)))


def ended(before: Session, minutes: float = 60, meter_stop_wh: int | None = 11_000, readings=()):
    return session.end(
        before,
        at=at(minutes),
        received_at=at(minutes),
        meter_stop_wh=meter_stop_wh,
        reason="Remote",
        readings=session.dated(readings, at(minutes)),
    )


def test_readings_move_energy_power_and_charge() -> None:
    decision = meter(begun(), [Reading(at(1), register_wh=1500, power_w=7200, soc_percent=40)])
    after = decision.session
    assert (after.meter.energy_wh, after.power_w, after.soc_percent) == (500, 7200, 40)
    assert decision.rows[0].energy_wh == 500


def test_end_sets_final_reading_and_clears_power() -> None:
    running = meter(begun(), [Reading(at(1), register_wh=1500, power_w=7200)]).session
    decision = ended(running)
    assert decision.session.state is SessionState.COMPLETED
    assert decision.session.meter.energy_wh == 10_000
    assert decision.session.power_w is None
    assert [row.is_final for row in decision.rows] == [True]


def test_second_end_changes_nothing() -> None:
    once = ended(begun()).session
    twice = ended(once, minutes=90, meter_stop_wh=99_000)
    assert twice.session == once
    assert twice.anomaly
    assert twice.rows == ()


def test_final_figure_below_readings() -> None:
    running = meter(begun(), [Reading(at(1), register_wh=5000)]).session
    assert ended(running, meter_stop_wh=10).session.meter.energy_wh == 4000
    assert ended(running, meter_stop_wh=None).session.meter.energy_wh == 4000


def test_readings_with_end_come_first() -> None:
    readings = (Reading(at(30), register_wh=4000), Reading(at(60), register_wh=8000, soc_percent=80))
    decision = ended(begun(), meter_stop_wh=8000, readings=readings)
    assert decision.session.meter.energy_wh == 7000
    assert [(row.energy_wh, row.is_final) for row in decision.rows] == [(3000, False), (7000, True)]
    assert decision.rows[-1].reading.soc_percent == 80


def test_reading_after_end_changes_nothing() -> None:
    over = ended(begun()).session
    decision = meter(over, [Reading(at(50), register_wh=9000, power_w=7000)])
    assert decision.session == over
    assert [(row.energy_wh, row.is_final) for row in decision.rows] == [(8000, False)]


def test_end_before_start_no_negative_duration() -> None:
    assert ended(begun(), minutes=-30).session.ended_at == NOW


@pytest.mark.field(14)
def test_queued_readings_improve_estimate() -> None:
    running = meter(begun(), [Reading(at(10), register_wh=3000)]).session
    estimated = session.supersede(running, received_at=at(20)).session
    decision = meter(estimated, [Reading(at(15), register_wh=3400, power_w=7000)])
    better = decision.session
    assert (better.state, better.meter.energy_wh, better.ended_at) == (SessionState.ESTIMATED, 2400, at(15))
    assert better.power_w is None
    assert [row.energy_wh for row in decision.rows] == [2400]


def test_late_end_replaces_estimate() -> None:
    running = meter(begun(), [Reading(at(10), register_wh=3000)]).session
    estimated = session.supersede(running, received_at=at(20)).session
    assert (estimated.state, estimated.ended_at) == (SessionState.ESTIMATED, at(10))
    final = ended(estimated, meter_stop_wh=3500).session
    assert (final.state, final.meter.energy_wh, final.ended_at) == (SessionState.COMPLETED, 2500, at(60))


def test_placeholder_start_replaced_by_begin() -> None:
    decision = meter(begun(0), [Reading(at(0), "Transaction.Begin", 50_000), Reading(at(1), register_wh=50_700)])
    assert decision.session.meter.energy_wh == 700


def test_impossible_clock_replaced_by_ours() -> None:
    for wrong in (None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC), NOW + timedelta(days=400)):
        assert session.believable(wrong, NOW) == NOW
    assert session.believable(NOW - timedelta(hours=5), NOW) == NOW - timedelta(hours=5)


def test_corrected_clock_does_not_hold_energy() -> None:
    running = meter(begun(), [Reading(at(120), register_wh=1500)], minutes=1).session
    assert running.meter.energy_wh == 500
    running = meter(running, [Reading(at(2), register_wh=2500, power_w=7000)], minutes=2).session
    assert (running.meter.energy_wh, running.power_w) == (1500, 7000)


def test_impossible_reading_times_replaced() -> None:
    decision = meter(begun(), [Reading(NOW.replace(year=1986), register_wh=1500)], minutes=3)
    assert decision.rows[0].reading.sampled_at == at(3)


reading_strategy = st.builds(
    Reading,
    sampled_at=st.integers(-120, 600).map(at),
    context=st.sampled_from(["Sample.Periodic", "Transaction.Begin", "Transaction.End", "Trigger"]),
    register_wh=st.none() | st.integers(-1000, 100_000),
    power_w=st.none() | st.integers(0, 350_000),
    soc_percent=st.none() | st.integers(0, 100),
)


@given(st.lists(reading_strategy, max_size=8), st.lists(st.integers(0, 100_000), min_size=8, max_size=8))
def test_repeated_rising_readings_change_nothing(readings, registers: list[int]) -> None:
    in_order = session.dated(readings, at(600))
    rising = [replace(r, register_wh=wh) for r, wh in zip(in_order, sorted(registers), strict=False)]
    once = meter(begun(), rising).session
    assert meter(once, rising).session == once


class SessionLife(RuleBasedStateMachine):
    """Any facts in any order: energy never falls, an end is an end, and nothing raises."""

    @initialize(meter_start_wh=st.integers(-10, 10**6))
    def begin(self, meter_start_wh: int) -> None:
        self.session = begun(meter_start_wh)
        self.most_wh = 0
        self.final: Session | None = None

    @rule(readings=st.lists(reading_strategy, max_size=4))
    def meter(self, readings: list[Reading]) -> None:
        self._take(meter(self.session, readings))

    @rule(
        minutes=st.integers(-120, 600),
        meter_stop_wh=st.none() | st.integers(-10, 10**6),
        readings=st.lists(reading_strategy, max_size=2),
    )
    def end(self, minutes: int, meter_stop_wh: int | None, readings: list[Reading]) -> None:
        decision = ended(self.session, minutes, meter_stop_wh, readings)
        assert sum(row.is_final for row in decision.rows) == (0 if decision.anomaly else 1)
        self._take(decision)
        assert self.session.state is SessionState.COMPLETED

    @rule(minutes=st.integers(-120, 600))
    def supersede(self, minutes: int) -> None:
        self._take(session.supersede(self.session, received_at=at(minutes)))

    def _take(self, decision: session.Decision) -> None:
        if self.session.state is SessionState.COMPLETED:
            assert decision.session == self.session
        self.session = decision.session

    @invariant()
    def energy_never_falls(self) -> None:
        assert self.session.meter.energy_wh >= self.most_wh
        self.most_wh = self.session.meter.energy_wh

    @invariant()
    def a_closed_session_has_an_end_and_no_power(self) -> None:
        is_closed = self.session.state is not SessionState.ACTIVE
        assert is_closed == (self.session.ended_at is not None)
        if is_closed:
            assert self.session.ended_at >= self.session.started_at
        if self.session.state is SessionState.COMPLETED:
            assert self.session == replace(self.session, power_w=None)


TestSessionLife = SessionLife.TestCase
