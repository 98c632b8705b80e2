"""Sessions of OCPP 2.x whose figures contradict each other: their energy is what one reading of them all gives."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.charger_v2 import event, token
from tests.support import misread
from tests.support.depot import Depot, readings, session, sessions
from tests.support.frames_of import at
from tests.support.misread import Misread

pytestmark = [pytest.mark.both_databases, pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])]

INTERVAL = "Energy.Active.Import.Interval"


def _entry(minutes: float, *samples: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": at(minutes), "sampledValue": list(samples)}


def _value(register_wh: int, minutes: float, context: str) -> dict[str, Any]:
    return _entry(minutes, {"value": register_wh, "context": context or "Sample.Periodic"})


def _started(id_tag: str, minutes: float, *entries: dict[str, Any]) -> dict[str, Any]:
    begun = event("tx", 0, "Started", "Authorized", evse={"id": 1, "connectorId": 1}, idToken=token(id_tag))
    return begun | {"timestamp": at(minutes), "meterValue": list(entries)}


def _updated(seq_no: int, *entries: dict[str, Any]) -> dict[str, Any]:
    return event("tx", seq_no, "Updated", "MeterValuePeriodic", meterValue=list(entries))


def _ended(seq_no: int, minutes: float, *entries: dict[str, Any]) -> dict[str, Any]:
    ended = event("tx", seq_no, "Ended", "EVDeparted", {"stoppedReason": "EVDisconnected"})
    return ended | {"timestamp": at(minutes), "meterValue": list(entries)}


async def _check(depot: Depot, version: str, told: Misread) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        begin = [] if told.start_wh is None else [_value(told.start_wh, told.began, "Transaction.Begin")]
        await charger.call("TransactionEvent", _started(depot.card().id_tag, told.began, *begin))
        number: int = sessions(charger.identity)[0].number
        shown = [session(number).energy_wh]
        for seq_no, one in enumerate(told.samples, start=1):
            said = _value(one.register_wh, one.minutes, one.context)
            if one.is_named:
                await charger.call("TransactionEvent", _updated(seq_no, said))
            else:
                await charger.call("MeterValues", {"evseId": 1, "meterValue": [said]})
            shown.append(session(number).energy_wh)
        assert misread.is_shown_rightly(shown, told.energy_wh), shown
        end = [] if told.end_wh is None else [_value(told.end_wh, told.minutes, "Transaction.End")]
        await charger.call("TransactionEvent", _ended(len(told.samples) + 1, told.minutes, *end))
    assert misread.result(number) == told.result


@pytest.mark.field(106)
@pytest.mark.parametrize("told", misread.OTHER_REGISTERS)
async def test_samples_from_elsewhere(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(107)
@pytest.mark.parametrize("told", misread.WRONG_SAMPLES)
async def test_impossible_samples(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(108)
@pytest.mark.parametrize("told", [*misread.WRONG_ENDS, *misread.NOT_KNOWN])
async def test_impossible_end(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(109)
@pytest.mark.parametrize("told", misread.UNNAMED_SAMPLES)
async def test_unnamed_samples(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(110)
@pytest.mark.parametrize("told", misread.PLACEHOLDER_STARTS)
async def test_placeholder_start(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(118)
@pytest.mark.parametrize("told", misread.CLOCKS_AHEAD)
async def test_clock_ahead(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(122)
@pytest.mark.parametrize("told", misread.STUCK_CLOCKS)
async def test_stuck_clock(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)


@pytest.mark.field(128)
@pytest.mark.parametrize("told", misread.WRONG_UNITS)
async def test_wrong_unit(depot: Depot, version: str, told: Misread) -> None:
    await _check(depot, version, told)
