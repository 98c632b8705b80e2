"""The energy of a session: one consistent reading of all its figures, bounded by what a connector can deliver."""

from __future__ import annotations

from itertools import count

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import energy, totals
from polaris.domain.chains import Chain
from polaris.domain.data_quality import Note
from polaris.domain.energy import Fit, Meter, Observation
from polaris.domain.metering import BEGIN, END
from polaris.domain.totals import Total

MINUTE = 60_000_000
PLACEHOLDERS = [-1, 0, 1, 5, 255, 65_535, 2**24 - 1, 2**31 - 1, 2**32 - 1, 9_999_999, 10**12 - 1]


def seen(register_wh: int | None, minutes: float, **values: object) -> Observation:
    at_us = int(minutes * MINUTE)
    return Observation(at_us, at_us, register_wh, **values)  # type: ignore[arg-type]


def metered(start_wh: int | None, *observations: Observation, max_power_w: int = 400_000) -> Meter:
    meter = energy.begin(start_wh, 0, 0, max_power_w)
    for observation in observations:
        meter, _ = meter.add(observation)
    return meter


def every(minutes: float, *registers: int | None) -> list[Observation]:
    return [seen(register_wh, n * minutes) for n, register_wh in zip(count(1), registers, strict=False)]


def closed(meter: Meter, end_wh: int | None, minutes: float = 60) -> Total:
    return totals.close(meter, end_wh, int(minutes * MINUTE), int(minutes * MINUTE))


def live(start_wh: int | None, *observations: Observation) -> list[int | None]:
    return [metered(start_wh, *observations[:n]).shown_wh for n in range(len(observations) + 1)]


@pytest.mark.field(106)
@pytest.mark.parametrize(
    ("start_wh", "registers", "end_wh"),
    [(4_076_221, (104, 228, 10_353, 20_400), 4_096_721), (0, (4_076_300, 4_076_500, 4_086_000, 4_096_600), 20_500)],
)
@pytest.mark.parametrize("hours", [1, 10])
def test_samples_count_from_elsewhere(start_wh: int, registers: tuple[int, ...], end_wh: int, hours: int) -> None:
    total = closed(metered(start_wh, *every(12 * hours, *registers)), end_wh, 60 * hours)
    assert (total.energy_wh, total.notes) == (20_500, {Note.OTHER_REGISTER})


@pytest.mark.field(106)
def test_first_sample_is_not_judged() -> None:
    assert live(4_076_221, *every(12, 104, 228, 10_353)) == [0, None, 228, 10_353]


@pytest.mark.field(107)
@pytest.mark.parametrize("wrong_wh", PLACEHOLDERS)
@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_impossible_samples_set_aside(wrong_wh: int, times: int, place: int) -> None:
    registers = [1_001_000, 1_003_000, 1_005_000]
    registers[place:place] = [wrong_wh] * times
    observations = every(5, *registers)
    assert all(shown_wh is None or shown_wh <= 5000 for shown_wh in live(1_000_000, *observations))
    total = closed(metered(1_000_000, *observations), 1_006_000)
    assert (total.energy_wh, total.notes) == (6000, {Note.READINGS_SET_ASIDE})


@pytest.mark.field(107)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_impossible_sample_within_the_bound(place: int) -> None:
    registers = [12_500, 13_500, 14_500]
    registers[place:place] = [65_535] * 2
    observations = every(15, *registers)
    assert all(shown_wh is None or shown_wh <= 2500 for shown_wh in live(12_000, *observations))
    assert closed(metered(12_000, *observations), 15_000, 90).energy_wh == 3000


@pytest.mark.field(108)
@pytest.mark.parametrize("wrong_wh", PLACEHOLDERS)
def test_impossible_end(wrong_wh: int) -> None:
    total = closed(metered(1_000_000, *every(10, 1_001_000, 1_003_000, 1_005_000)), wrong_wh)
    assert total.energy_wh == 5000
    assert total.notes <= {Note.FINAL_DOUBTED, Note.FINAL_BELOW_READINGS}
    assert total.notes


@pytest.mark.field(108)
@pytest.mark.parametrize(("start_wh", "end_wh"), [(1_000_000, 2**32 - 1), (1_000_000, 0), (0, 600_000), (None, 5000)])
def test_nothing_consistent_is_not_known(start_wh: int | None, end_wh: int) -> None:
    total = closed(metered(start_wh), end_wh)
    assert total.energy_wh is None
    assert Note.NOT_KNOWN in total.notes


@pytest.mark.field(109)
def test_unnamed_register_does_not_outrank_named() -> None:
    lifetime = seen(5_324_870, 10, context="Sample.Clock", is_named=False)
    for observations in (
        [seen(895, 5), lifetime, *every(15, 1900, 2900)],
        [lifetime, seen(5_324_900, 11, is_named=False), seen(895, 12), *every(15, 1900, 2900)],
    ):
        total = closed(metered(0, *observations), 3000)
        assert total.energy_wh == 3000


@pytest.mark.field(110)
@pytest.mark.parametrize("start_wh", [0, 1, 999_999_999])
@pytest.mark.parametrize("minutes", [15, 500])
def test_placeholder_start(start_wh: int, minutes: int) -> None:
    observations = [seen(300_000, 1), seen(303_000, minutes - 5)]
    total = closed(metered(start_wh, *observations), 305_000, minutes)
    assert total.energy_wh == 5000
    assert Note.START_MISSING in total.notes


@pytest.mark.field(119)
def test_begin_is_repeated() -> None:
    observations = [
        observation
        for minutes, register_wh in ((5, 120_500), (10, 121_000), (15, 121_500))
        for observation in (seen(120_000, minutes, context=BEGIN), seen(register_wh, minutes))
    ]
    assert live(120_000, *observations)[-1] == 1500
    total = closed(metered(120_000, *observations), 121_800)
    assert (total.energy_wh, total.notes) == (1800, frozenset())


@pytest.mark.field(17)
def test_replaced_start_is_not_set_aside() -> None:
    observations = [seen(1_532_407, 0.1, context=BEGIN), *every(10, 1_533_607, 1_534_807)]
    total = closed(metered(0, *observations), 1_536_307)
    assert (total.energy_wh, total.notes) == (3900, {Note.START_MISSING})


@pytest.mark.field(128)
@pytest.mark.parametrize("minutes", [5, 60])
def test_kwh_labelled_wh(minutes: int) -> None:
    total = closed(metered(0, *every(minutes, 150_000, 300_000)), 334, 3 * minutes)
    assert (total.energy_wh, total.notes) == (334, {Note.UNIT_DOUBTFUL})


@pytest.mark.field(16)
def test_reset_counts_the_rising_pieces() -> None:
    observations = every(10, 21_000, 33_000, 0, 5000, 10_000)
    assert live(1000, *observations) == [0, 20_000, 32_000, 32_000, 32_000, 42_000]
    total = closed(metered(1000, *observations), 15_000)
    assert (total.energy_wh, total.notes) == (47_000, {Note.REGISTER_RESET})


@pytest.mark.field(16)
@pytest.mark.parametrize("edge_wh", energy.ROLLOVERS_WH)
@pytest.mark.parametrize("past_wh", [1000, 3000])
def test_register_rolls_over(edge_wh: int, past_wh: int) -> None:
    """Only near its last digit: elsewhere what was counted before 0 is lost."""
    near, far = edge_wh - 2000, edge_wh - 300_000
    for base_wh, energy_wh in ((near, 2000 + past_wh + 1500), (far, 1000 + 1500)):
        total = closed(metered(base_wh, *every(15, base_wh + 1000, past_wh, past_wh + 1000)), past_wh + 1500)
        assert (total.energy_wh, total.notes) == (energy_wh, {Note.REGISTER_RESET})


def test_connector_with_more_power_than_is_known() -> None:
    """Once the register goes on as it can, it is known again."""
    slow = every(1, *range(1000, 40_000, 2000))
    fast = [seen(39_000 + 10_000 * n, 20 + n) for n in range(1, 4)]
    meter = metered(0, *slow, *fast, max_power_w=150_000)
    assert meter.is_outpaced
    assert totals.live(meter).notes >= {Note.POWER_EXCEEDED}
    meter, _ = meter.add(seen(41_000, 24))
    assert not meter.is_outpaced


@pytest.mark.field(128)
@pytest.mark.parametrize(("minutes", "energy_wh"), [(10, None), (40, 31_000)])
def test_end_a_thousand_times_the_reported_power(minutes: int, energy_wh: int | None) -> None:
    """The unit of the power is in doubt, or that of the end if no usual charger has delivered as much."""
    power = [seen(None, n, power_w=186 * 10 // minutes) for n in range(minutes + 1)]
    total = closed(metered(0, *power), 31_000, minutes)
    assert total.energy_wh == energy_wh
    assert Note.UNIT_DOUBTFUL in total.notes


def test_power_of_a_few_seconds_says_nothing() -> None:
    samples = [seen(1000 + 200 * n, n / 60, power_w=7000) for n in range(1, 4)]
    assert closed(metered(1000, *samples), 2000, 1 / 15).energy_wh == 1000


@pytest.mark.field(120)
def test_intervals_of_contexts_are_not_added() -> None:
    periodic = [seen(None, n, interval_wh=100, context="Sample.Periodic") for n in range(1, 31)]
    clock = [seen(None, n, interval_wh=1500, context="Sample.Clock") for n in (15, 30)]
    meter = metered(None, *sorted([*periodic, *clock], key=lambda observation: observation.at_us))
    assert meter.shown_wh == 3000
    assert closed(meter, None).energy_wh == 3000


@pytest.mark.field(120)
def test_interval_beyond_the_bound() -> None:
    meter = metered(None, *(seen(None, n, interval_wh=100) for n in (1, 2)), seen(None, 3, interval_wh=10**6))
    assert meter.shown_wh == 200


@pytest.mark.field(122)
def test_stuck_clock_moves() -> None:
    stuck = [Observation(0, n * MINUTE, 1000 + n * 150) for n in (1, 2, 3)]
    assert live(1000, *stuck) == [0, 150, 300, 450]


def test_bound_follows_the_setting() -> None:
    observations = every(15, 3000, 30_000, 6000)
    assert metered(0, *observations, max_power_w=11_000).shown_wh == 6000
    assert closed(metered(0, max_power_w=11_000), 30_000).energy_wh is None


@pytest.mark.field(22)
def test_end_slightly_below_readings() -> None:
    total = closed(metered(1000, *every(10, 5000, 9000, 9400)), 9300)
    assert (total.energy_wh, total.notes) == (8400, {Note.FINAL_BELOW_READINGS})


def test_no_figure_at_all_is_not_known() -> None:
    assert closed(metered(1000), None).energy_wh is None
    assert closed(metered(1000, *every(5, 1000, 1000)), None).energy_wh == 0


def test_state_stays_small() -> None:
    meter = metered(0, *every(1, *[7 * n * (n % 3) for n in range(500)]))
    assert len(meter.chains) <= energy.MAX_CHAINS


def test_placeholder_below_the_slack_is_not_shown() -> None:
    observations = [seen(1_000_180, 1), seen(1_014_000, 2), seen(1_000_540, 3)]
    assert live(1_000_000, *observations) == [0, 180, 180, 540]


@pytest.mark.parametrize("seconds", [1, 5, 10])
def test_fast_charger_shows_with_the_second_sample(seconds: int) -> None:
    registers = [5000 + 350_000 * n * seconds // 3600 for n in range(1, 30)]
    observations = [seen(wh, 1 + n * seconds / 60) for n, wh in enumerate(registers)]
    assert live(0, *observations)[2:] == registers[1:]


@pytest.mark.field(16)
def test_false_figure_or_reset_is_not_known() -> None:
    """One figure against those after it: it was false, or the register was reset."""
    observations = [seen(36_000, 15), seen(1000, 30), seen(1900, 45)]
    assert closed(metered(0, *observations), 3000).energy_wh is None


@pytest.mark.field(108)
def test_two_ends_that_differ_are_not_known() -> None:
    assert closed(metered(1000, seen(7180, 59, context="Transaction.End")), 3100).energy_wh is None


@pytest.mark.field(122)
def test_stuck_clock_does_not_bound_the_session() -> None:
    stuck = [Observation(MINUTE, n * MINUTE, 1000 + n * 3000) for n in (1, 10, 20, 40, 60)]
    assert closed(metered(1000, *stuck), None).energy_wh == 180_000


def test_meter_that_an_earlier_version_stored_goes_on() -> None:
    stored = msgspec.to_builtins(metered(1000, seen(51_000, 180)))
    chains = Meter.__struct_fields__.index("chains")
    told = Chain.__struct_fields__.index("elapsed_us")
    stored[chains] = tuple(chain[:told] for chain in stored[chains])
    meter, fit = msgspec.convert(stored, Meter).add(seen(51_500, 185))
    assert (fit, meter.shown_wh) == (Fit.COUNTED, 50_500)
    assert closed(meter, 52_000, 190).energy_wh == 51_000


steps = st.tuples(
    st.sampled_from([0, 1, 10_000_000, 60_000_000, 119_999_999, 120_000_000]) | st.integers(0, 300_000_000),
    st.integers(1, 1000) | st.sampled_from([-2000, -1, 0, 1001, 20_000, 65_535, 2**31]),
    st.sampled_from(["", "", "", BEGIN, END]),
    st.none() | st.integers(0, 500_000),
    st.sampled_from([True, True, True, False]),
)


@given(st.sampled_from([-1, 0, 1000, 65_000]), st.lists(steps, max_size=20), st.sampled_from([11_000, 400_000]))
def test_usual_step_equals_the_general(start_wh: int, told: list[tuple], max_power_w: int) -> None:
    meter, at_us, register_wh = energy.begin(start_wh, 0, 0, max_power_w), 0, start_wh
    for elapsed_us, rise_wh, context, power_w, is_named in told:
        at_us, register_wh = at_us + elapsed_us, max(0, register_wh + rise_wh)
        observation = Observation(at_us, at_us, register_wh, None, context, power_w, is_named)
        usual = meter.as_usual(observation, register_wh)
        assert usual is None or usual == meter.counted(observation).with_register(observation, register_wh)
        meter, _ = meter.add(observation)


def test_nearly_all_steps_are_usual() -> None:
    meter = metered(1000, *every(1, *range(1100, 5000, 100)))
    assert meter.as_usual(seen(5000, 40), 5000) is not None
    assert meter.as_usual(seen(7750, 55), 7750) is not None  # 11 kW for a quarter of an hour
    assert meter.as_usual(seen(9000, 40), 9000) is None
