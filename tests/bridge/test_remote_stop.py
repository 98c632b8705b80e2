"""A stop request on its way to the charger, and every way it can go."""

from __future__ import annotations

from simulator.charger import Charger, OnRemoteStop, Transaction
from tests.bridge.depot import Depot, session, stop_requests, stop_state, until


async def _charging(depot: Depot, charger: Charger, on_remote_stop: OnRemoteStop) -> Transaction:
    charger.on_remote_stop = on_remote_stop
    transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
    await charger.meter_values(transaction, 400)
    return transaction


async def test_an_accepted_stop_ends_the_session_and_completes_the_request(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ACCEPT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "completed")
        assert charger.commands[0] == ("RemoteStopTransaction", {"transactionId": transaction.id})
        assert len(charger.commands) == 1
        assert (session(transaction.id).state, session(transaction.id).energy_wh) == ("completed", 300)


async def test_f90_a_rejected_stop_is_rejected(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.REJECT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "rejected")
        assert session(transaction.id).state == "active"


async def test_f57_a_callerror_is_a_failure(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ERROR)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "failed")


async def test_no_answer_is_timed_out(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.SILENT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "sent")
        await until(lambda: stop_state(transaction.id) == "timed_out")
        await charger.heartbeat()


async def test_f58_a_late_answer_still_counts(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.LATE)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "timed_out")
        await charger.answer_late()
        await until(lambda: stop_state(transaction.id) == "completed")


async def test_f58_a_connection_that_breaks_before_the_answer_leaves_it_unknown(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.DISCONNECT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "unknown")
        await charger.wire.connected.wait()
        await charger.stop_transaction(transaction)
        assert stop_state(transaction.id) == "completed"


async def test_f89_an_accepted_stop_without_an_end_is_asked_once_more_and_then_overdue(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ACCEPT_SILENT)
        depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "overdue", timeout_s=15)
        assert [action for action, _ in charger.commands if action != "TriggerMessage"] == ["RemoteStopTransaction"] * 2


async def test_f92_a_charger_that_is_not_connected_is_offline_at_once(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.ACCEPT)
    await until(lambda: session(transaction.id).charger.connection_id is None)
    await until(lambda: _asked_state(depot, transaction) == "offline")
    assert not charger.commands


async def test_f56_one_command_at_a_time_and_those_that_wait_expire(depot: Depot) -> None:
    """The first is not answered, so the next waits for as long, and the last past its deadline: it is never sent."""
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.SILENT
        one, two, three, four = [
            await charger.start_transaction(depot.card().id_tag, connector=connector) for connector in (1, 2, 3, 4)
        ]
        for transaction in (one, two, three):
            depot.request_stop(session(transaction.id))
        await until(lambda: {stop_state(t.id) for t in (one, two, three)} == {"timed_out"})
        charger.on_remote_stop = OnRemoteStop.REJECT
        await until(lambda: _asked_state(depot, four) == "rejected", timeout_s=20)
        sent = [payload["transactionId"] for _, payload in charger.commands]
        assert sent[0] == one.id
        assert not {two.id, three.id} <= set(sent)


async def test_f65_a_replaced_connection_fails_its_call_and_commands_go_to_the_newest(depot: Depot) -> None:
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


async def test_f94_a_stop_that_crosses_the_end_is_completed(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await _charging(depot, charger, OnRemoteStop.LATE)
        depot.request_stop(session(transaction.id))
        await charger.commanded.wait()
        await charger.stop_transaction(transaction)
        assert stop_state(transaction.id) == "completed"
        await charger.answer_late()
        await charger.heartbeat()
        assert stop_state(transaction.id) == "completed"


def _asked_state(depot: Depot, transaction: Transaction) -> str:
    """How a stop goes that is asked for once."""
    if not stop_requests(transaction.id):
        depot.request_stop(session(transaction.id))
    return stop_state(transaction.id)
