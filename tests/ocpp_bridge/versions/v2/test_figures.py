"""Sessions of OCPP 2.x whose figures contradict each other: their energy is what one reading of them all gives."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.charger_v2 import event, token
from tests.support import misread
from tests.support.depot import Depot, session, sessions
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


async def _told(depot: Depot, version: str, begin: dict[str, Any] | None, *entries: list[dict[str, Any]]) -> list[int]:
    """Tell updates after a begin at instant 0, the last as the end; return what was shown after each."""
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        first = [] if begin is None else [_entry(0, begin)]
        await charger.call("TransactionEvent", _started(depot.card().id_tag, 0, *first))
        number: int = sessions(charger.identity)[0].number
        shown = []
        for seq_no, sent in enumerate(entries, start=1):
            is_last = seq_no == len(entries)
            told = _ended(seq_no, 60, *sent) if is_last else _updated(seq_no, *sent)
            await charger.call("TransactionEvent", told)
            shown.append(session(number).energy_wh)
    return shown


BEGIN = {"value": 1000, "context": "Transaction.Begin"}
END = {"value": 6000, "context": "Transaction.End"}


@pytest.mark.field(119)
@pytest.mark.parametrize("context", ["Sample.Periodic", "Sample.Clock"])
@pytest.mark.parametrize("is_turned", [False, True])
async def test_begin_beside_later_value(depot: Depot, version: str, context: str, is_turned: bool) -> None:
    updates = []
    for minutes, register_wh in ((10, 1500), (20, 2500), (30, 4000)):
        samples = [BEGIN, {"value": register_wh, "context": context}]
        updates.append([_entry(minutes, *samples[:: -1 if is_turned else 1])])
    shown = await _told(depot, version, BEGIN, *updates, [_entry(60, END)])
    assert shown == [500, 1500, 3000, 5000]


@pytest.mark.field(119)
@pytest.mark.parametrize("begin", [BEGIN | {"value": 1_000_000}, None, BEGIN | {"value": 0}])
@pytest.mark.parametrize("is_turned", [False, True])
async def test_begin_and_end_in_one_entry(
    depot: Depot, version: str, begin: dict[str, Any] | None, is_turned: bool
) -> None:
    samples = [BEGIN | {"value": 1_000_000}, END | {"value": 1_005_000}]
    assert await _told(depot, version, begin, [_entry(60, *samples[:: -1 if is_turned else 1])]) == [5000]


@pytest.mark.field(120)
@pytest.mark.parametrize("every", [5, 15, 30])
async def test_intervals_of_two_contexts(depot: Depot, version: str, every: int) -> None:
    updates = []
    for minutes in range(5, 61, 5):
        said = [{"value": 500, "measurand": INTERVAL, "context": "Sample.Periodic"}]
        if minutes % every == 0:
            said.append({"value": 100 * every, "measurand": INTERVAL, "context": "Sample.Clock"})
        updates.append([_entry(minutes, *said)])
    shown = await _told(depot, version, None, *updates, [])
    assert shown == [500 * count for count in (*range(1, 13), 12)]


@pytest.mark.field(121)
async def test_phases_in_entries(depot: Depot, version: str) -> None:
    updates = [
        [_entry(minutes, {"value": wh, "phase": phase}) for phase, wh in (("L3", wh), ("L1", wh + 100), ("L2", wh))]
        for minutes, wh in ((10, 400), (20, 600), (30, 1500))
    ]
    shown = await _told(depot, version, BEGIN, *updates, [_entry(60, END)])
    assert shown == [300, 900, 3600, 5000]


@pytest.mark.field(122)
async def test_stuck_clock_in_one_message(depot: Depot, version: str) -> None:
    updates = [[_entry(0, {"value": 1000 + wh - back}) for back in (400, 200, 0)] for wh in (600, 1200, 1800)]
    assert await _told(depot, version, BEGIN, *updates, [_entry(0, END)]) == [600, 1200, 1800, 5000]


@pytest.mark.field(128)
@pytest.mark.parametrize("context", ["Transaction.End", "Sample.Periodic"])
async def test_wrong_unit_at_end(depot: Depot, version: str, context: str) -> None:
    unit = {"unitOfMeasure": {"unit": "kWh"}}
    updates = [[_entry(minutes, {"value": kwh} | unit)] for minutes, kwh in ((20, 150), (40, 300))]
    end = [_entry(60, {"value": 334, "context": context})]
    shown = await _told(depot, version, BEGIN | {"value": 0}, *updates, end)
    assert shown[-1] == 334
    assert max(one or 0 for one in shown) == 334
