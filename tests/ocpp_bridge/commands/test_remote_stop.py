"""A stop request on its way to the charger, and every way it can go."""

from __future__ import annotations

import pytest

from polaris.domain.commands import catalog as kinds
from polaris.domain.enums import CommandState
from simulator.charger import Charger, OnRemoteStop, Transaction
from tests.support.commanding import done_with
from tests.support.depot import Depot, overdue, session, stop_runs_out, stop_state, until
from tests.support.processes import Processes


async def _charging(depot: Depot, charger: Charger, on_remote_stop: OnRemoteStop) -> Transaction:
    charger.on_remote_stop = on_remote_stop
    transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
    await charger.meter_values(transaction, 400)
    return transaction


@pytest.mark.both_databases
async def test_accepted_stop_completes(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ACCEPT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "completed")
        assert charger.commands[0] == ("RemoteStopTransaction", {"transactionId": transaction.id})
        assert len(charger.commands) == 1
        assert (session(transaction.id).state, session(transaction.id).energy_wh) == ("completed", 300)


@pytest.mark.field(90)
async def test_rejected_stop(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.REJECT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "rejected")
        assert session(transaction.id).state == "active"


@pytest.mark.field(57)
async def test_callerror_is_failure(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ERROR)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "failed")


async def test_no_answer_times_out(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.SILENT)
        depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        assert stop_state(transaction.id) == "sent"
        stop_runs_out(transaction.id)
        await until(lambda: stop_state(transaction.id) == "timed_out")
        await charger.heartbeat()


@pytest.mark.field(58)
async def test_late_answer_counts(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(STOP_ANSWER_S="1")
    async with own_depot.charger() as charger:
        transaction = await _charging(own_depot, charger, OnRemoteStop.LATE)
        own_depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        stop_runs_out(transaction.id)
        await until(lambda: stop_state(transaction.id) == "timed_out")
        other = own_depot.command(charger.identity, kinds.ClearCache())  # sent when the stop is waited for no more
        assert (await done_with(own_depot, other)).state == CommandState.ACCEPTED
        await charger.answer_late()
        await until(lambda: stop_state(transaction.id) == "completed")


@pytest.mark.field(58)
async def test_connection_lost_before_answer_unknown(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.DISCONNECT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "unknown")
        await charger.connection.connected.wait()
        await charger.stop_transaction(transaction)
        assert stop_state(transaction.id) == "completed"


@pytest.mark.both_databases
@pytest.mark.field(89)
async def test_accepted_without_end_retried_then_overdue(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ACCEPT_SILENT)
        depot.request_stop(session(transaction.id))
        await overdue(transaction.id)
        assert [action for action, _ in charger.commands if action != "TriggerMessage"] == ["RemoteStopTransaction"] * 2


@pytest.mark.field(92)
async def test_disconnected_charger_offline_at_once(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ACCEPT)
    await until(lambda: session(transaction.id).charger.connection_id is None)
    await until(lambda: not depot.listeners(charger.identity))
    depot.ask_stop(session(transaction.id))
    assert stop_state(transaction.id) == "offline"
    assert not charger.commands


@pytest.mark.field(56)
async def test_one_at_a_time_waiting_expire(own_depot: Depot, processes: Processes) -> None:
    """The first is not answered, so the others wait for as long, and one past its deadline: it is never sent."""
    processes.bridge(STOP_ANSWER_S="2")
    async with own_depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.SILENT
        one, two, three, four = [
            await charger.start_transaction(own_depot.card().id_tag, connector=connector) for connector in (1, 2, 3, 4)
        ]
        for transaction, asking in ((one, own_depot), (two, own_depot.without_patience()), (three, own_depot)):
            asking.request_stop(session(transaction.id))
        await until(lambda: stop_state(two.id) == "timed_out")
        await until(lambda: [stop_state(t.id) for t in (one, three)] == ["sent", "sent"])
        await until(lambda: len(charger.commands) == 2)
        charger.on_remote_stop = OnRemoteStop.REJECT
        own_depot.request_stop(session(four.id))
        await until(lambda: stop_state(four.id) == "rejected")
        assert [payload["transactionId"] for _, payload in charger.commands] == [one.id, three.id, four.id]


@pytest.mark.field(65)
async def test_replaced_connection_fails_its_call(depot: Depot) -> None:
    async with depot.charger(reconnects=False) as old:
        transaction = await _charging(depot, old, OnRemoteStop.SILENT)
        depot.request_stop(session(transaction.id))
        await old.commanded.wait()
        async with depot.charger(old.identity) as new:
            await new.heartbeat()
            await until(lambda: stop_state(transaction.id) == "unknown")
            other = await new.start_transaction(depot.card().id_tag, connector=2)
            depot.request_stop(session(other.id))
            await until(lambda: stop_state(other.id) == "completed")
            assert len(old.commands) == 1


@pytest.mark.field(94)
async def test_stop_crossing_end_completes(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.LATE)
        depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        await charger.stop_transaction(transaction)
        assert stop_state(transaction.id) == "completed"
        await charger.answer_late()
        await charger.heartbeat()
        assert stop_state(transaction.id) == "completed"
