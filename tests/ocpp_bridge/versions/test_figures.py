"""Sessions whose figures contradict each other, in every version: what one reading of them all gives is right."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import misread
from tests.support.depot import Depot, readings, session
from tests.support.frames_of import notes, value
from tests.support.misread import Misread
from tests.support.telling import V16, VERSIONS, WAYS, Telling, telling

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
EVERY_VERSION = pytest.mark.parametrize("way", VERSIONS)
INTERVAL = {"measurand": "Energy.Active.Import.Interval", "unit": "Wh"}
POWER = {"measurand": "Power.Active.Import", "unit": "W"}
PHASES = ("L1", "L2", "L3")


async def _tell(charger: Telling, told: Misread) -> None:
    """Tell a session's start and samples."""
    await charger.start(told.start_wh, told.began)
    for one in told.samples:
        sample = one.fields | {"value": one.text, "context": one.context or "Sample.Periodic"}
        await charger.tell(value(one.minutes, sample), is_named=one.is_named)


async def _check(depot: Depot, way: str, told: Misread) -> None:
    async with telling(depot, way) as charger:
        await _tell(charger, told)
        assert misread.is_shown_rightly(charger.shown, told.energy_wh), charger.shown
        await charger.end(told.end_wh, told.minutes)
    assert misread.result(charger.number) == told.result(in_data=way != V16)


@pytest.mark.both_databases
@pytest.mark.field(106)
@pytest.mark.parametrize("told", misread.OTHER_REGISTERS)
@EVERY_WAY
async def test_samples_from_elsewhere(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(107)
@pytest.mark.parametrize("told", misread.WRONG_SAMPLES)
@EVERY_VERSION
async def test_impossible_samples(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(107)
@pytest.mark.parametrize("told", misread.FALSE_SAMPLES)
@EVERY_VERSION
async def test_false_sample_beside_true_ones(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(108)
@pytest.mark.parametrize("told", misread.ENDS_READ_OTHERWISE)
@EVERY_WAY
async def test_end_that_is_read_otherwise(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(16)
@pytest.mark.parametrize("told", misread.METERS_BEGUN_ANEW)
@EVERY_WAY
async def test_meter_that_begins_anew(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(128)
@pytest.mark.parametrize("told", misread.UNITS_OF_ENDS)
@EVERY_WAY
async def test_unit_of_the_end(depot: Depot, way: str, told: Misread) -> None:
    assert await _known_of(depot, way, told) == (told.energy_wh, told.notes)


@pytest.mark.parametrize("told", misread.TOO_FAST)
@EVERY_WAY
async def test_more_power_than_is_known_of_the_connector(depot: Depot, way: str, told: Misread) -> None:
    assert await _known_of(depot, way, told) == (told.energy_wh, told.notes)


async def _known_of(depot: Depot, way: str, told: Misread) -> tuple[int | None, frozenset[str]]:
    """Tell a session whose energy cannot be known, also with its last reading. Return its energy and notes."""
    async with telling(depot, way) as charger:
        await _tell(charger, told)
        assert not told.samples or charger.shown[-1] is None
        await charger.end(told.end_wh, told.minutes)
    energy_wh, found, _ = misread.result(charger.number)
    return energy_wh, found


@pytest.mark.field(108)
@pytest.mark.parametrize("told", [*misread.WRONG_ENDS, *misread.NOT_KNOWN])
@EVERY_WAY
async def test_impossible_end(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(109)
@pytest.mark.parametrize("told", misread.UNNAMED_SAMPLES)
@EVERY_VERSION
async def test_unnamed_samples(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(110)
@pytest.mark.parametrize("told", [*misread.PLACEHOLDER_STARTS, *misread.STARTS_OF_NO_VALUE, *misread.STALE_STARTS])
@EVERY_VERSION
async def test_placeholder_start(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(118)
@pytest.mark.parametrize("told", misread.CLOCKS_AHEAD)
@EVERY_VERSION
async def test_clock_ahead(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.both_databases
@pytest.mark.field(122)
@pytest.mark.parametrize("told", misread.STUCK_CLOCKS)
@EVERY_VERSION
async def test_stuck_clock(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(128)
@pytest.mark.parametrize("told", misread.WRONG_UNITS)
@EVERY_WAY
async def test_wrong_unit(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(28, 34)
@pytest.mark.parametrize("told", misread.SPELLINGS)
@EVERY_VERSION
async def test_numbers_and_units_as_they_are_spelled(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(119)
@pytest.mark.parametrize("told", misread.REPEATED_BEGINS)
@EVERY_VERSION
async def test_begin_with_each_value(depot: Depot, way: str, told: Misread) -> None:
    await _check(depot, way, told)


@pytest.mark.field(119)
@pytest.mark.parametrize("context", ["Sample.Periodic", "Sample.Clock"])
@pytest.mark.parametrize("is_turned", [False, True])
@EVERY_VERSION
async def test_begin_beside_later_value(depot: Depot, way: str, context: str, is_turned: bool) -> None:
    async with telling(depot, way) as charger:
        await charger.start(1000)
        for minutes, register_wh in ((10, 1500), (20, 2500), (30, 4000)):
            samples = [_sample(1000, "Transaction.Begin"), _sample(register_wh, context)]
            await charger.tell(value(minutes, *samples[:: -1 if is_turned else 1]))
        await charger.end(6000)
    assert charger.shown == [0, 500, 1500, 3000, 5000]
    assert "readings_set_aside" not in notes(charger.number)


@pytest.mark.both_databases
@pytest.mark.field(119)
@pytest.mark.parametrize("start_wh", [1_000_000, None, 0])
@pytest.mark.parametrize("is_turned", [False, True])
@EVERY_VERSION
async def test_begin_and_end_in_one_entry(depot: Depot, way: str, start_wh: int | None, is_turned: bool) -> None:
    samples = [_sample(1_000_000, "Transaction.Begin"), _sample(1_005_000, "Transaction.End")]
    async with telling(depot, way) as charger:
        await charger.start(start_wh)
        await charger.end(None, entries=(value(60, *samples[:: -1 if is_turned else 1]),))
    assert charger.shown[-1] == 5000


@pytest.mark.both_databases
@pytest.mark.field(120)
@pytest.mark.parametrize("every", [5, 15, 30])
@pytest.mark.parametrize("in_one_entry", [True, False])
@EVERY_VERSION
async def test_intervals_of_two_contexts(depot: Depot, way: str, every: int, in_one_entry: bool) -> None:
    async with telling(depot, way) as charger:
        await charger.start(None)
        for minutes in range(5, 61, 5):
            said = [INTERVAL | _sample(500, "Sample.Periodic")]
            if minutes % every == 0:
                said.append(INTERVAL | _sample(100 * every, "Sample.Clock"))
            entries = [value(minutes, *said)] if in_one_entry else [value(minutes, one) for one in said]
            await charger.tell(*entries)
        await charger.end(None)
    assert charger.shown == [500 * count for count in (*range(13), 12)]


@pytest.mark.field(30)
@pytest.mark.parametrize("start_wh", [0, 1_000_000])
@EVERY_VERSION
async def test_total_for_each_phase(depot: Depot, way: str, start_wh: int) -> None:
    """Three times the total is not known, since the end says a third of it."""
    async with telling(depot, way) as charger:
        await charger.start(start_wh)
        for minutes in (15, 30, 45):
            register_wh = str(start_wh + 100 * minutes)
            await charger.tell(value(minutes, *({"value": register_wh, "phase": phase} for phase in PHASES)))
        await charger.end(start_wh + 6000, 60)
    assert session(charger.number).energy_wh is None
    assert notes(charger.number) >= {"final_below_readings", "not_known"}


@pytest.mark.field(121)
@EVERY_VERSION
async def test_phases_in_entries(depot: Depot, way: str) -> None:
    """Energy and power, in any order, while the clock goes on."""
    async with telling(depot, way) as charger:
        await charger.start(3000)
        for minutes, register_wh, power_w in ((10, 1200, 7000), (20, 1400, 7200), (30, 1600, 0)):
            energies = [value(minutes, _sample(register_wh, phase=phase)) for phase in PHASES]
            powers = [value(minutes, POWER | _sample(power_w, phase=phase)) for phase in ("L3", "L1", "L2")]
            await charger.tell(*[one for pair in zip(energies, powers, strict=True) for one in pair])
            assert charger.shown[-1] == 3 * register_wh - 3000
            assert session(charger.number).power_w == 3 * power_w
    assert [row.register_wh for row in readings(charger.number)][-3:] == [3600, 4200, 4800]


@pytest.mark.both_databases
@pytest.mark.field(121)
@pytest.mark.parametrize("apart", [0, 1 / 60], ids=["one instant", "a second apart"])
@EVERY_VERSION
async def test_phases_in_messages(depot: Depot, way: str, apart: float) -> None:
    """The first of all may be the total; from then on the phases are known to come one by one."""
    async with telling(depot, way) as charger:
        await charger.start(3000)
        for minutes, register_wh, power_w in ((10, 1200, 7000), (20, 1400, 7200), (30, 2000, 0)):
            for number, phase in enumerate(PHASES):
                samples = _sample(register_wh, phase=phase), POWER | _sample(power_w, phase=phase)
                await charger.tell(value(minutes + number * apart, *samples))
            assert charger.shown[-1] == 3 * register_wh - 3000
            assert session(charger.number).power_w == 3 * power_w
        await charger.end(None)
    assert [wh for wh in charger.shown if wh is not None] == [0, 600, 600, 600, 1200, 1200, 1200, 3000, 3000]


@pytest.mark.both_databases
@pytest.mark.field(120)
@pytest.mark.parametrize("register_wh", [0, 1_000_000])
@pytest.mark.parametrize("in_one_entry", [True, False])
@EVERY_VERSION
async def test_intervals_beside_a_register_that_stands_still(
    depot: Depot, way: str, register_wh: int, in_one_entry: bool
) -> None:
    async with telling(depot, way) as charger:
        await charger.start(register_wh)
        for minutes in range(10, 61, 10):
            samples = {"value": "1000", **INTERVAL}, {"value": str(register_wh)}
            for entry in [samples] if in_one_entry else [samples[:1], samples[1:]]:
                await charger.tell(value(minutes, *entry))
        assert charger.shown[-1] == 6000
        await charger.end(register_wh, 60)
    assert session(charger.number).energy_wh == 6000
    assert "final_doubted" in notes(charger.number)


@pytest.mark.field(107)
@pytest.mark.parametrize("start_wh", [0, 1_000_000])
@EVERY_VERSION
async def test_live_figure_that_readings_contradict(depot: Depot, way: str, start_wh: int) -> None:
    """It is not taken back, but not known."""
    async with telling(depot, way) as charger:
        await charger.start(start_wh)
        for minutes, energy_wh in ((0.2, 9000), (10, 1000), (20, 2000), (30, 3000), (40, 4000)):
            await charger.tell(value(minutes, {"value": str(start_wh + energy_wh)}))
        assert charger.shown == [0, 9000, 9000, None, None, None]
        await charger.tell(value(90, {"value": str(start_wh + 9500)}))
        assert charger.shown[-1] == 9500


@pytest.mark.field(122)
@EVERY_VERSION
async def test_stuck_clock_in_one_message(depot: Depot, way: str) -> None:
    async with telling(depot, way) as charger:
        await charger.start(1000)
        for energy_wh in (600, 1200, 1800):
            await charger.tell(*[value(0, 1000 + energy_wh - back) for back in (400, 200, 0)])
        await charger.end(3000, minutes=0)
    assert charger.shown == [0, 600, 1200, 1800, 2000]
    assert len([row for row in readings(charger.number) if row.context == "Sample.Periodic"]) == 9


@pytest.mark.field(128)
@pytest.mark.parametrize("context", ["Transaction.End", "Sample.Periodic"])
@EVERY_VERSION
async def test_wrong_unit_at_end(depot: Depot, way: str, context: str) -> None:
    samples = [value(minutes, _sample(kwh) | {"unit": "kWh"}) for minutes, kwh in ((20, 150), (40, 300))]
    async with telling(depot, way) as charger:
        await charger.start(0)
        await charger.end(None, entries=(*samples, value(60, _sample(334, context))))
    assert charger.shown[-1] == 334
    assert "unit_doubtful" in notes(charger.number)


@pytest.mark.field(107)
@pytest.mark.parametrize("power_w", [99_999_999, 2**32 - 1])
@EVERY_VERSION
async def test_impossible_power(depot: Depot, way: str, power_w: int) -> None:
    """It is shown in the timeline alone; the energy beside it counts."""
    async with telling(depot, way) as charger:
        await charger.start(1000)
        await charger.tell(value(10, _sample(1500), POWER | _sample(7000)))
        await charger.tell(value(20, _sample(2500), POWER | _sample(power_w)))
        assert session(charger.number).power_w is None
        await charger.tell(value(30, _sample(3500), POWER | _sample(7200)))
        assert session(charger.number).power_w == 7200
        await charger.end(6000)
    assert charger.shown == [0, 500, 1500, 2500, 5000]
    assert {row.set_aside: row.power_w for row in readings(charger.number) if row.set_aside} == {"power": power_w}


@pytest.mark.parametrize("register_wh", [None, 1000], ids=["no register", "a register that stands still"])
@EVERY_VERSION
async def test_power_that_no_meter_counts(depot: Depot, way: str, register_wh: int | None) -> None:
    async with telling(depot, way) as charger:
        await charger.start(1000)
        for minutes in range(10, 60, 10):
            registers = [] if register_wh is None else [_sample(register_wh)]
            await charger.tell(value(minutes, *registers, POWER | _sample(7000)))
        assert "not_metered" in notes(charger.number)
        await charger.end(1000)
    assert charger.shown == [0, 0, 0, *[None] * 4]
    assert {"not_metered", "not_known"} <= notes(charger.number)


def _sample(number: int, context: str = "", **fields: Any) -> dict[str, Any]:
    return {"value": str(number), **({"context": context} if context else {}), **fields}
