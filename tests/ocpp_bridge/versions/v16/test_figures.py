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
