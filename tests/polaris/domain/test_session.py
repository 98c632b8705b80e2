"""The session's life: examples of each rule, and properties over any order of facts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import session
from polaris.domain.data_quality import Note
from polaris.domain.enums import SessionState
from polaris.domain.instants import believable
from polaris.domain.metering import Reading
from polaris.domain.reading_rows import ReadingRow
from polaris.domain.session import Session

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def begun(meter_start_wh: int = 1000) -> Session:
    return session.begin(NOW, NOW, meter_start_wh)


def meter(before: Session, readings, minutes: float = 600) -> session.Decision:
    return session.meter(before, session.dated(readings, at(minutes)), at(minutes))


def ended(before: Session, minutes: float = 60, meter_stop_wh: int | None = 11_000):
    ended_at = session.ended_at(before, at(minutes), at(minutes))
    return session.end(before, Reading(ended_at, "Transaction.End", meter_stop_wh), at(minutes), "Remote")


def test_readings_move_energy_power_and_charge() -> None:
    decision = meter(begun(), [Reading(at(1), register_wh=1500, power_w=7200, soc_percent=40)])
    after = decision.session
    assert (after.energy_wh, after.power_w, after.soc_percent) == (500, 7200, 40)
    assert decision.rows[0].energy_wh == 500


def test_end_sets_final_reading_and_clears_power() -> None:
    running = meter(begun(), [Reading(at(1), register_wh=1500, power_w=7200)]).session
    decision = ended(running)
    assert decision.session.state is SessionState.COMPLETED
    assert decision.session.energy_wh == 10_000
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
    assert ended(running, meter_stop_wh=10).session.energy_wh == 4000
    assert ended(running, meter_stop_wh=None).session.energy_wh == 4000


def test_readings_told_before_an_earlier_end_judged_again() -> None:
    running = meter(begun(), [Reading(at(50), register_wh=5000), Reading(at(70), register_wh=6000)]).session
    assert ended(running, meter_stop_wh=10).needs_rebuild
    assert not ended(running, minutes=70, meter_stop_wh=7000).needs_rebuild


def test_end_before_start_no_negative_duration() -> None:
    assert ended(begun(), minutes=-30).session.ended_at == NOW


def test_late_end_replaces_estimate() -> None:
    running = meter(begun(), [Reading(at(10), register_wh=3000)]).session
    estimated = session.supersede(running, received_at=at(20)).session
    assert (estimated.state, estimated.ended_at) == (SessionState.ESTIMATED, at(10))
    final = ended(estimated, meter_stop_wh=3500).session
    assert (final.state, final.energy_wh, final.ended_at) == (SessionState.COMPLETED, 2500, at(60))


def test_placeholder_start_replaced_by_begin() -> None:
    decision = meter(begun(0), [Reading(at(0), "Transaction.Begin", 50_000), Reading(at(1), register_wh=50_700)])
    assert decision.session.energy_wh == 700


def test_impossible_clock_replaced_by_ours() -> None:
    for wrong in (None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC), NOW + timedelta(days=400)):
        assert believable(wrong, NOW) == NOW
    assert believable(NOW - timedelta(hours=5), NOW) == NOW - timedelta(hours=5)


def test_impossible_reading_times_replaced() -> None:
    decision = meter(begun(), [Reading(NOW.replace(year=1986), register_wh=1500)], minutes=3)
    assert decision.rows[0].reading.sampled_at == at(3)


values = st.fixed_dictionaries(
    {
        "context": st.sampled_from(["Sample.Periodic", "Transaction.Begin", "Sample.Clock", "Trigger"]),
        "register_wh": st.none() | st.integers(-1000, 100_000) | st.sampled_from([0, 65_535, 2**31 - 1, 2**32 - 1]),
        "interval_wh": st.none() | st.none() | st.integers(-10, 5000),
        "power_w": st.none() | st.integers(0, 350_000),
        "soc_percent": st.none() | st.integers(0, 100),
    }
)
reading_strategy = st.builds(lambda minutes, values: Reading(at(minutes), **values), st.integers(0, 600), values)


def test_power_beyond_connector_not_shown() -> None:
    decision = meter(begun(), [Reading(at(1), register_wh=1500, power_w=2**32 - 1)])
    assert (decision.session.energy_wh, decision.session.power_w) == (500, None)
    assert [(row.energy_wh, row.set_aside) for row in decision.rows] == [(500, "power")]


@pytest.mark.parametrize("register_wh", [None, 1000])
def test_power_without_energy_is_not_known(register_wh: int | None) -> None:
    running = meter(begun(), [Reading(at(10), register_wh=register_wh, power_w=7000)]).session
    assert running.energy_wh == 0  # some meters count whole kWh
    running = meter(running, [Reading(at(30), register_wh=register_wh, power_w=7000)]).session
    assert running.energy_wh is None
    assert meter(running, [Reading(at(40), register_wh=3500, power_w=7000)]).session.energy_wh == 2500


@pytest.mark.parametrize(("step_wh", "note"), [(0, Note.NOT_METERED), (1, Note.UNIT_DOUBTFUL)])
def test_meter_behind_power_is_not_known(step_wh: int, note: Note) -> None:
    """The meter stands still, or its kWh are labelled Wh."""
    running = begun()
    for n in range(1, 8):
        running = meter(running, [Reading(at(10 * n), register_wh=1000 + n * step_wh, power_w=7000)]).session
    decision = ended(running, 80, meter_stop_wh=1000 + 8 * step_wh)
    assert (running.energy_wh, decision.session.energy_wh, decision.needs_rebuild) == (None, None, False)
    assert {note, Note.NOT_KNOWN} <= decision.notes


def test_moment_of_power_needs_no_energy() -> None:
    powers = [(10, 7000), (11, 0), (50, 0)]
    rows = [ReadingRow(Reading(at(n), register_wh=1000, power_w=power_w), at(600)) for n, power_w in powers]
    decision = ended(meter(begun(), [row.reading for row in rows]).session, meter_stop_wh=1000)
    rebuilt = session.rebuild(begun(), [*rows, *decision.rows], decision.session)
    assert rebuilt.session.energy_wh == 0


def test_repeated_begin_not_set_aside() -> None:
    begin = [Reading(at(n), "Transaction.Begin", register_wh=1000) for n in (10, 20)]
    decision = meter(
        begun(), [begin[0], Reading(at(10), register_wh=1500), begin[1], Reading(at(20), register_wh=2500)]
    )
    assert decision.session.energy_wh == 1500
    assert [row.set_aside for row in decision.rows] == [""] * 4
    assert ended(decision.session).notes == set()


@pytest.mark.parametrize("is_inferred", [False, True])
def test_register_of_start_is_no_energy(is_inferred: bool) -> None:
    """Whether the reading names the session or not, all that is known says 0."""
    now, rows = begun(), []
    for minutes in (1, 2):
        decision = session.meter(now, [Reading(at(minutes), register_wh=1000)], at(minutes), is_inferred=is_inferred)
        now, rows = decision.session, [*rows, *decision.rows]
        assert now.energy_wh == 0
        assert session.rebuild(begun(), rows, now).session == now
    contradicted = session.meter(now, [Reading(at(3), register_wh=50_000)], at(3), is_inferred=True)
    assert contradicted.session.energy_wh in (None, 0)


def test_unreadable_energy_is_not_known() -> None:
    decision = meter(begun(), [Reading(at(5))])
    assert decision.session.energy_wh is None
    assert decision.notes == {Note.UNREADABLE}
    assert [row.set_aside for row in decision.rows] == ["unreadable"]
    assert meter(decision.session, [Reading(at(10), register_wh=1500)]).session.energy_wh == 500


@given(
    st.integers(-10, 10**6),
    st.lists(st.tuples(reading_strategy, st.booleans()), max_size=12),
    st.none() | st.integers(-10, 10**6),
)
def test_step_by_step_equals_rebuild(meter_start_wh: int, metered, meter_stop_wh: int | None) -> None:
    begun_ = begun(meter_start_wh)
    now, rows = begun_, []
    for reading, is_inferred in sorted(metered, key=lambda item: item[0].sampled_at):
        shown_wh = now.energy_wh
        decision = session.meter(now, [reading], reading.sampled_at, is_inferred=is_inferred)
        now, rows = decision.session, [*rows, *decision.rows]
        rebuilt = session.rebuild(begun_, rows, now)
        assert rebuilt.session == now
        rows = list(rebuilt.rows) if decision.needs_rebuild else rows
        assert rows == list(rebuilt.rows)
        assert shown_wh is None or now.energy_wh is None or now.energy_wh >= shown_wh
    decision = ended(now, 660, meter_stop_wh)
    rebuilt = session.rebuild(begun_, [*rows, *decision.rows], decision.session)
    assert rebuilt.session == decision.session
    assert rebuilt.rows[-1] == decision.rows[-1]
    if not decision.needs_rebuild:
        assert list(rebuilt.rows[:-1]) == rows
    bound_wh = 400_000 * (660 + 2) // 60 + 1000
    assert decision.session.energy_wh is None or 0 <= decision.session.energy_wh <= bound_wh
