"""FIELD, section J: which facts may end, doubt or resume a session of OCPP 1.6, and which may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from polaris.domain.commands.catalog import Trigger
from polaris.domain.commands.values import RequestedMessage
from polaris.domain.enums import CardStatus
from polaris.models import Tariff
from polaris.web.sessions import queries
from tests.support.depot import Depot, now, readings, row, session, until
from tests.support.frames_of import at, begun, meter, notes, sent, start, stop, value

pytestmark = pytest.mark.both_databases

UNDATED: list[dict[str, Any]] = [{}, {"timestamp": "soon"}, {"timestamp": "1970-01-01T00:00:00Z"}]


def _undated(payload: dict[str, Any], time: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in payload.items() if name != "timestamp"} | time


async def _start(charger: Any, payload: dict[str, Any]) -> tuple[int, str]:
    answer = await charger.call("StartTransaction", payload)
    return answer["transactionId"], answer["idTagInfo"]["status"]


def _state(number: int) -> tuple[str, int, bool]:
    found = session(number)
    return found.state, found.energy_wh, found.is_awaiting_end


@pytest.mark.field(111)
@pytest.mark.parametrize("time", UNDATED)
async def test_same_start_after_stop_is_new(depot: Depot, time: dict[str, Any]) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        frame = _undated(start(card.id_tag, meter_start=0), time)
        first, _ = await _start(charger, frame)
        assert (await _start(charger, frame))[0] == first  # its answer was lost
        await charger.call("StopTransaction", _undated(stop(first, meter_stop=700), time))
        second, status = await _start(charger, frame)
        assert (second != first, status) == (True, "Accepted")
        assert (await _start(charger, frame))[0] == second
        await charger.call("StopTransaction", _undated(stop(second, meter_stop=900), time))
        assert (session(first).energy_wh, session(second).energy_wh) == (700, 900)


@pytest.mark.field(111)
async def test_same_start_after_reading_is_new(depot: Depot) -> None:
    async with depot.charger() as charger:
        frame = _undated(start(depot.card().id_tag), {})
        first, _ = await _start(charger, frame)
        await charger.call("MeterValues", meter(first, value(115, 1500)))
        second, _ = await _start(charger, frame)
        assert second != first
        assert (_state(first)[0], _state(second)[0]) == ("estimated", "active")


@pytest.mark.field(1, 111)
async def test_dated_start_told_again_is_same(depot: Depot) -> None:
    async with depot.charger() as charger:
        frame = start(depot.card().id_tag)
        first, _ = await _start(charger, frame)
        await charger.call("MeterValues", meter(first, value(10, 1500)))
        await charger.call("StopTransaction", stop(first))
        assert (await _start(charger, frame))[0] == first


@pytest.mark.field(111)
async def test_stuck_clock_is_no_repetition(depot: Depot) -> None:
    async with depot.charger() as charger:
        frame = start(depot.card().id_tag)
        first, _ = await _start(charger, frame)
        await charger.call("StopTransaction", stop(first, minutes=0))
        assert (await _start(charger, frame))[0] != first


@pytest.mark.field(111)
async def test_start_told_again_at_another_time(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        first, second = await begun(charger, card.id_tag), await begun(charger, card.id_tag, minutes=1)
        assert (_state(first), _state(second)) == (("estimated", 0, False), ("active", 0, False))
        found = depot.ingest(lambda ingest: ingest.recompute(first, "tests", now(), is_dry=True))
        assert found is not None
        assert not found.is_outdated
        await charger.call("MeterValues", meter(first, value(5, 1500)))  # it goes on by its first number
        assert (_state(first), _state(second)) == (("active", 500, False), ("active", 0, True))


@pytest.mark.field(111)
async def test_same_message_id_same_answer(depot: Depot) -> None:
    async with depot.charger() as charger:
        frame = _undated(start(depot.card().id_tag), {})
        answers = [await sent(charger, "StartTransaction", frame, "m-1")]
        await charger.call("MeterValues", meter(answers[0]["transactionId"], value(115, 1500)))
        answers.append(await sent(charger, "StartTransaction", frame, "m-1"))
        assert answers[0] == answers[1]


@pytest.mark.field(112, 114)
async def test_refused_start_touches_no_session(depot: Depot) -> None:
    card, blocked = depot.card(), depot.card(CardStatus.BLOCKED)
    async with depot.charger() as charger, depot.charger() as other:
        elsewhere = await begun(other, depot.card().id_tag)
        concurrent = session(elsewhere).id_tag
        running = await begun(charger, card.id_tag)
        refused = [
            await _start(charger, start(id_tag, minutes=minutes))
            for minutes, id_tag in ((5, "NOBODY"), (6, blocked.id_tag), (7, concurrent))
        ]
        assert [status for _, status in refused] == ["Invalid", "Blocked", "ConcurrentTx"]
        assert len({running, *(number for number, _ in refused)}) == 4
        assert _state(running) == ("active", 0, False)
        assert [_state(number)[:2] for number, _ in refused] == [("estimated", 0)] * 3
        unnamed = {"connectorId": 1, "meterValue": [value(10, 2000)]}
        await charger.call("MeterValues", unnamed)
        assert _state(running) == ("active", 1000, False)


@pytest.mark.field(112)
async def test_refused_number_with_energy_is_charging(depot: Depot) -> None:
    async with depot.charger() as charger:
        running = await begun(charger, depot.card().id_tag)
        refused, _ = await _start(charger, start("NOBODY", minutes=5, meter_start=1100))
        await charger.call("MeterValues", meter(refused, value(6, 1100)))
        assert _state(refused)[0] == "estimated"  # nothing has flowed
        await charger.call("MeterValues", meter(refused, value(7, 1200)))
        assert (_state(refused), _state(running)) == (("active", 100, False), ("active", 0, True))
        await charger.call("MeterValues", meter(running, value(8, 1300)))
        assert _state(running) == ("active", 300, False)
        await charger.call("StopTransaction", stop(refused, minutes=9, meter_stop=1500))
        assert _state(refused) == ("completed", 400, False)


@pytest.mark.field(112)
async def test_later_reading_resumes_superseded_session(depot: Depot) -> None:
    async with depot.charger() as charger:
        old = await begun(charger, depot.card().id_tag)
        new = await begun(charger, depot.card().id_tag, minutes=20)
        await charger.call("MeterValues", meter(old, value(19, 1500)))
        assert _state(old) == ("estimated", 500, False)  # from the queue: no later than the start
        await charger.call("MeterValues", meter(old, value(21, 1600)))
        assert (_state(old), _state(new)) == (("active", 600, False), ("active", 0, True))
        await charger.call("StopTransaction", stop(old, minutes=25, meter_stop=2000))
        assert _state(old) == ("completed", 1000, False)
        await charger.call("MeterValues", meter(old, value(30, 2500)))
        assert _state(old) == ("completed", 1000, False)


@pytest.mark.field(113)
async def test_older_start_is_history(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger, depot.charger() as other:
        live = await begun(charger, depot.card().id_tag, minutes=60, meter_start=5000)
        older = await begun(charger, card.id_tag, minutes=0)
        assert (_state(live), _state(older)) == (("active", 0, False), ("active", 0, True))
        assert await other.authorize(card.id_tag) == "Accepted"
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": [value(70, 5500)]})
        await charger.status(1, "Charging")
        await charger.call("MeterValues", meter(older, value(10, 2000)))
        assert (_state(live), _state(older)) == (("active", 500, False), ("active", 1000, True))
        await charger.call("StopTransaction", stop(older, minutes=50, meter_stop=5000))
        assert (_state(live), _state(older)) == (("active", 500, False), ("completed", 4000, False))


@pytest.mark.field(109, 113)
async def test_history_takes_no_reading_of_the_next(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger, depot.charger() as other:
        live = await begun(charger, depot.card().id_tag, minutes=60, meter_start=5000)
        older = await begun(charger, card.id_tag)
        await charger.call("StopTransaction", stop(live, minutes=70, meter_stop=5500))
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": [value(75, 5500)]})
        assert (_state(live), _state(older)) == (("completed", 500, False), ("active", 0, True))
        assert await other.authorize(card.id_tag) == "Accepted"
        await charger.call("MeterValues", {"connectorId": 1, "meterValue": [value(30, 2000)]})  # from the queue
        assert _state(older)[1] == 1000


@pytest.mark.field(22, 126)
async def test_number_of_the_session_before(depot: Depot) -> None:
    async with depot.charger() as charger:
        before = await begun(charger, depot.card().id_tag)
        await charger.call("StopTransaction", stop(before, minutes=10, meter_stop=2000))
        await charger.call("MeterValues", meter(before, value(11, 2000)))  # nobody else's: it is late
        assert (_state(before), len(readings(before))) == (("completed", 1000, False), 2)
        number = await begun(charger, depot.card().id_tag, minutes=12, meter_start=2000)
        for minutes, register_wh in ((5, 1500), (11.5, 2000), (20, 2500)):  # the first two are late
            await charger.call("MeterValues", meter(before, value(minutes, register_wh)))
        assert (_state(before), _state(number)) == (("completed", 1000, False), ("active", 500, False))
        assert (len(readings(before)), "inferred" in notes(number)) == (4, True)


@pytest.mark.field(114)
async def test_refused_session_ends_on_free_connector(depot: Depot) -> None:
    Tariff.update(per_session=1).execute()
    async with depot.charger() as charger:
        refused, _ = await _start(charger, start("NOBODY"))
        assert _state(refused)[0] == "active"
        await charger.status(1, "Available")
        assert _state(refused) == ("estimated", 0, False)
        page = queries.session_view(refused, now(), timedelta(minutes=5))
        assert page is not None
        assert (page.cost, page.elapsed_s, page.is_idle_refusal) == (None, 0, True)
        await charger.call("StopTransaction", stop(refused, meter_stop=1000))
        assert _state(refused) == ("completed", 0, False)


@pytest.mark.field(114)
async def test_refused_session_ends_after_a_while(depot: Depot) -> None:
    async with depot.charger() as charger, depot.charger() as other:
        idle, _ = await _start(charger, start("NOBODY"))
        flowing, _ = await _start(other, start("NOBODY"))
        await charger.call("MeterValues", meter(idle, value(10, 1000)))
        await other.call("MeterValues", meter(flowing, value(10, 1400)))
        depot.ingest(lambda ingest: ingest.sweep(now()))
        assert _state(idle)[0] == "active"
        depot.ingest(lambda ingest: ingest.sweep(now() + timedelta(minutes=2)))
        assert (_state(idle), _state(flowing)) == (("estimated", 0, False), ("active", 400, False))


@pytest.mark.field(114)
async def test_only_real_charging_is_concurrent(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as one, depot.charger() as two:
        number = await begun(one, card.id_tag)
        assert await two.authorize(card.id_tag) == "ConcurrentTx"
        refused, status = await _start(two, start(card.id_tag, minutes=1))
        assert status == "ConcurrentTx"
        assert await one.authorize(card.id_tag) == "Accepted"  # the driver may stop it there
        await one.boot()
        assert _state(number)[2]
        assert await two.authorize(card.id_tag) == "Accepted"
        assert (await _start(two, start(card.id_tag, minutes=2)))[1] == "Accepted"
        assert _state(refused)[0] == "estimated"


@pytest.mark.field(113, 114)
async def test_start_from_before_a_free_connector(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger, depot.charger() as other:
        await charger.call("StatusNotification", _available(30))
        number = await begun(charger, card.id_tag)
        assert _state(number) == ("active", 0, True)
        assert await other.authorize(card.id_tag) == "Accepted"
        await charger.call("MeterValues", meter(number, value(20, 1500)))
        assert _state(number) == ("active", 500, True)
        await charger.call("MeterValues", meter(number, value(40, 2500)))
        assert _state(number) == ("active", 1500, False)


@pytest.mark.field(18, 114)
async def test_end_of_one_of_two_connectors(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        one = await begun(charger, card.id_tag)
        two = await begun(charger, card.id_tag, connector=2, meter_start=500_000)
        await charger.call("StopTransaction", stop(-1, minutes=10, meter_stop=501_000, idTag=card.id_tag))
        assert (_state(one), _state(two)) == (("active", 0, False), ("completed", 1000, False))


@pytest.mark.field(114)
async def test_card_at_two_connectors(depot: Depot) -> None:
    card = depot.card()
    async with depot.charger() as charger:
        first = await begun(charger, card.id_tag)
        assert await charger.authorize(card.id_tag) == "Accepted"  # it may be to stop
        second, status = await _start(charger, start(card.id_tag, connector=2, minutes=1))
        assert status == "Accepted"
        assert (_state(first), _state(second)) == (("active", 0, False),) * 2


@pytest.mark.field(114)
@pytest.mark.parametrize("status", ["Finishing", "Faulted", "Unavailable", "Preparing"])
async def test_idle_connector_is_not_concurrent(depot: Depot, status: str) -> None:
    card = depot.card()
    async with depot.charger() as one, depot.charger() as two:
        number = await begun(one, card.id_tag)
        await one.call("MeterValues", meter(number, value(10, 1400)))
        assert await two.authorize(card.id_tag) == "ConcurrentTx"
        await one.call("StatusNotification", _available(10) | {"status": status})
        for minutes, register_wh, answer in ((10.2, 1400, "Accepted"), (10.4, 1500, "ConcurrentTx")):
            await one.call("MeterValues", meter(number, value(minutes, register_wh)))
            assert await two.authorize(card.id_tag) == answer
        power = {"value": "7000", "measurand": "Power.Active.Import"}
        await one.call("MeterValues", meter(number, value(11, 1600, power)))
        assert await two.authorize(card.id_tag) == "ConcurrentTx"
        await one.status(1, "Charging")
        await one.status(1, status)
        assert _state(number) == ("active", 600, False)
        assert (await _start(two, start(card.id_tag)))[1] == "Accepted"


@pytest.mark.field(112, 130)
@pytest.mark.parametrize("spelling", ["available", "AVAILABLE", " Available "])
async def test_state_in_any_spelling(depot: Depot, spelling: str) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("StatusNotification", _available(10) | {"status": spelling})
        assert (_state(number)[2], session(number).connector_status) == (True, "Available")
        await charger.call("StatusNotification", _available(11) | {"status": "SUSPENDED_EV"})
        assert (_state(number)[2], session(number).connector_status) == (False, "SuspendedEV")


@pytest.mark.field(126)
async def test_unknown_number_is_inferred(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(2_000_000_000, value(10, 1500)))
        assert _state(number) == ("active", 500, False)
        assert "inferred" in notes(number)
        await charger.call("StopTransaction", stop(2_000_000_000, minutes=20, meter_stop=99_000_000))
        assert _state(number)[0] == "active"  # no charger delivers that much
        await charger.call("StopTransaction", stop(2_000_000_000, minutes=20, meter_stop=2000))
        assert _state(number) == ("completed", 1000, False)


@pytest.mark.field(126)
async def test_unknown_number_on_other_connector(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("MeterValues", meter(2_000_000_000, value(10, 1500), connector=2))
        assert _state(number)[1] == 0


@pytest.mark.field(130)
async def test_boot_that_was_asked_for(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await until(lambda: depot.listeners(charger.identity))
        depot.command(charger.identity, Trigger(RequestedMessage.BOOT))
        await until(lambda: row(charger.identity).vendor)
        assert (_state(number), row(charger.identity).booted_at) == (("active", 0, False), None)


@pytest.mark.field(130)
async def test_later_reading_outweighs_available(depot: Depot) -> None:
    async with depot.charger() as charger:
        number = await begun(charger, depot.card().id_tag)
        await charger.call("StatusNotification", _available(10))
        assert _state(number)[2]
        await charger.call("MeterValues", meter(number, value(9, 1500)))
        assert _state(number)[2]  # from the queue
        await charger.call("MeterValues", meter(number, value(11, 1600)))
        assert _state(number) == ("active", 600, False)
        await charger.call("StatusNotification", _available(10.5))  # told late
        assert _state(number) == ("active", 600, False)


def _available(minutes: float) -> dict[str, Any]:
    return {"connectorId": 1, "status": "Available", "errorCode": "NoError", "timestamp": at(minutes)}


@pytest.mark.field(114)
@pytest.mark.parametrize(("samples", "energy_wh"), [([], 0), ([1000], 0), ([1000, 3000], 2000)])
async def test_refused_session_ends_without_figures(depot: Depot, samples: list[int], energy_wh: int) -> None:
    """It got nothing, and costs nothing, unless something says that energy flowed."""
    async with depot.charger() as charger:
        begun_ = {name: given for name, given in start("NOBODY").items() if name != "meterStart"}
        number = (await charger.call("StartTransaction", begun_))["transactionId"]
        for minutes, register_wh in enumerate(samples, 1):
            await charger.call("MeterValues", meter(number, value(10 * minutes, register_wh)))
        ended = {name: given for name, given in stop(number, minutes=50).items() if name != "meterStop"}
        await charger.call("StopTransaction", ended)
        assert (session(number).state, session(number).energy_wh) == ("completed", energy_wh)
