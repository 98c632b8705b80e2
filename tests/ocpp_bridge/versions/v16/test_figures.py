"""Sessions of OCPP 1.6 whose figures contradict each other: their energy is what one reading of them all gives."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import misread
from tests.support.depot import Depot, readings, session
from tests.support.frames_of import begun, meter, stop, value
from tests.support.misread import Misread

pytestmark = pytest.mark.both_databases

IN_DATA = pytest.mark.parametrize("in_data", [False, True], ids=["meterStop", "transactionData"])
INTERVAL = {"measurand": "Energy.Active.Import.Interval", "unit": "Wh"}


def _value(register_wh: int | None, minutes: float, context: str) -> dict[str, Any]:
    return value(minutes, {"value": str(register_wh), "context": context or "Sample.Periodic"})


async def _check(depot: Depot, told: Misread, *, in_data: bool = False) -> None:
    """Tell of a session; its end's register is `in_data` if not in meterStop."""
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, minutes=told.began, meter_start=told.start_wh)
        shown = [session(number).energy_wh]
        for one in told.samples:
            said = _value(one.register_wh, one.minutes, one.context)
            await charger.call("MeterValues", meter(number if one.is_named else None, said))
            shown.append(session(number).energy_wh)
        assert misread.is_shown_rightly(shown, told.energy_wh), shown
        ended = stop(number, minutes=told.minutes, meter_stop=told.end_wh)
        if in_data:
            at_end = _value(told.end_wh, told.minutes, "Transaction.End")
            ended = stop(number, minutes=told.minutes, meter_stop=None, transactionData=[at_end])
        await charger.call("StopTransaction", ended)
    assert misread.result(number) == told.result


@pytest.mark.field(106)
@pytest.mark.parametrize("told", misread.OTHER_REGISTERS)
@IN_DATA
async def test_samples_from_elsewhere(depot: Depot, told: Misread, in_data: bool) -> None:
    await _check(depot, told, in_data=in_data)


@pytest.mark.field(107)
@pytest.mark.parametrize("told", misread.WRONG_SAMPLES)
async def test_impossible_samples(depot: Depot, told: Misread) -> None:
    await _check(depot, told)


@pytest.mark.field(108)
@pytest.mark.parametrize("told", [*misread.WRONG_ENDS, *misread.NOT_KNOWN])
@IN_DATA
async def test_impossible_end(depot: Depot, told: Misread, in_data: bool) -> None:
    await _check(depot, told, in_data=in_data)


@pytest.mark.field(109)
@pytest.mark.parametrize("told", misread.UNNAMED_SAMPLES)
async def test_unnamed_samples(depot: Depot, told: Misread) -> None:
    await _check(depot, told)


@pytest.mark.field(110)
@pytest.mark.parametrize("told", misread.PLACEHOLDER_STARTS)
async def test_placeholder_start(depot: Depot, told: Misread) -> None:
    await _check(depot, told)


@pytest.mark.field(118)
@pytest.mark.parametrize("told", misread.CLOCKS_AHEAD)
async def test_clock_ahead(depot: Depot, told: Misread) -> None:
    await _check(depot, told)


@pytest.mark.field(122)
@pytest.mark.parametrize("told", misread.STUCK_CLOCKS)
async def test_stuck_clock(depot: Depot, told: Misread) -> None:
    await _check(depot, told)


@pytest.mark.field(128)
@pytest.mark.parametrize("told", misread.WRONG_UNITS)
@IN_DATA
async def test_wrong_unit(depot: Depot, told: Misread, in_data: bool) -> None:
    await _check(depot, told, in_data=in_data)


@pytest.mark.field(119)
@pytest.mark.parametrize("contexts", [("Transaction.Begin", "Sample.Periodic"), ("Transaction.Begin", "Sample.Clock")])
@pytest.mark.parametrize("is_turned", [False, True])
async def test_begin_beside_later_value(depot: Depot, contexts: tuple[str, str], is_turned: bool) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=1000)
        for minutes, register_wh, energy_wh in ((10, 1500, 500), (20, 2500, 1500), (30, 4000, 3000)):
            samples = [{"value": str(wh), "context": of} for of, wh in zip(contexts, (1000, register_wh), strict=True)]
            await charger.call("MeterValues", meter(number, value(minutes, *samples[:: -1 if is_turned else 1])))
            assert session(number).energy_wh == energy_wh
        await charger.call("StopTransaction", stop(number, minutes=40, meter_stop=5000))
    assert session(number).energy_wh == 4000


@pytest.mark.field(119)
@pytest.mark.parametrize("meter_start", [1_000_000, None, 0])
@pytest.mark.parametrize("is_turned", [False, True])
async def test_begin_and_end_in_one_entry(depot: Depot, meter_start: int | None, is_turned: bool) -> None:
    samples = [{"value": "1000000", "context": "Transaction.Begin"}, {"value": "1005000", "context": "Transaction.End"}]
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=meter_start)
        data = [value(60, *samples[:: -1 if is_turned else 1])]
        await charger.call("StopTransaction", stop(number, meter_stop=None, transactionData=data))
    assert session(number).energy_wh == 5000


@pytest.mark.field(120)
@pytest.mark.parametrize("every", [5, 15, 30])
@pytest.mark.parametrize("in_one_entry", [True, False])
async def test_intervals_of_two_contexts(depot: Depot, every: int, in_one_entry: bool) -> None:
    shown = []
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=None)
        for minutes in range(5, 61, 5):
            said = [INTERVAL | {"value": "500", "context": "Sample.Periodic"}]
            if minutes % every == 0:
                said.append(INTERVAL | {"value": str(100 * every), "context": "Sample.Clock"})
            entries = [value(minutes, *said)] if in_one_entry else [value(minutes, one) for one in said]
            await charger.call("MeterValues", meter(number, *entries))
            shown.append(session(number).energy_wh)
        assert shown == [500 * count for count in range(1, 13)]
        await charger.call("StopTransaction", stop(number, meter_stop=None))
    assert session(number).energy_wh == 6000


@pytest.mark.field(121)
async def test_phases_in_entries(depot: Depot) -> None:
    """Energy and power, in any order, while the clock goes on."""
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=3000)
        for minutes, register_wh, power_w in ((10, 1200, 7000), (20, 1400, 7200), (30, 1600, 0)):
            energies = [value(minutes, {"value": str(register_wh), "phase": phase}) for phase in ("L1", "L2", "L3")]
            powers = [
                value(minutes, {"value": str(power_w), "measurand": "Power.Active.Import", "phase": phase})
                for phase in ("L3", "L1", "L2")
            ]
            both = [one for pair in zip(energies, powers, strict=True) for one in pair]
            await charger.call("MeterValues", meter(number, *both))
            assert session(number).energy_wh == 3 * register_wh - 3000
            assert session(number).power_w == 3 * power_w
    assert [row.register_wh for row in readings(number)] == [3600, 4200, 4800]


@pytest.mark.field(122)
async def test_stuck_clock_in_one_message(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=1000)
        for energy_wh in (600, 1200, 1800):
            entries = [value(0, 1000 + energy_wh - back) for back in (400, 200, 0)]
            await charger.call("MeterValues", meter(number, *entries))
            assert session(number).energy_wh == energy_wh
        await charger.call("StopTransaction", stop(number, minutes=0, meter_stop=3000))
    assert session(number).energy_wh == 2000
    assert len(readings(number)) == 10


@pytest.mark.field(128)
@pytest.mark.parametrize("context", ["Transaction.End", "Sample.Periodic"])
async def test_wrong_unit_in_data(depot: Depot, context: str) -> None:
    samples = [{"value": wh, "unit": "kWh", "context": "Sample.Periodic"} for wh in ("150", "300")]
    end = {"value": "334", "unit": "Wh", "context": context}
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag, meter_start=0)
        data = [value(20, samples[0]), value(40, samples[1]), value(60, end)]
        await charger.call("StopTransaction", stop(number, meter_stop=None, transactionData=data))
    found = misread.result(number)
    assert found[0] == 334
    assert "unit_doubtful" in found[1]
