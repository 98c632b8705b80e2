"""Stops at a driver's limit: sent at the first reading at it, once, whatever dies meanwhile; and who is told limits."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from polaris.domain.facts import SessionMetered
from polaris.domain.instants import to_microseconds
from polaris.domain.limit import Limit, LimitKind
from polaris.domain.metering import Reading
from polaris.ingest.session_limits import SessionLimits
from polaris.models import SessionLimit, StopRequest
from polaris.pubsub import Publisher
from simulator.charger import Charger, OnRemoteStop
from tests.support.depot import Depot, now, session, sessions, stop_requests, stop_runs_out, stop_state, until
from tests.support.processes import Processes
from tests.support.valkey import Valkey

AT_300_WH = Limit(LimitKind.ENERGY, 300)


def set_limit(depot: Depot, number: int, limit: Limit = AT_300_WH) -> None:
    """Set a limit as the session's driver."""
    publisher = Publisher(depot.config.redis_url)
    try:
        account_id = session(number).account_id
        assert account_id is not None
        assert SessionLimits(publisher).set_limit(number, account_id, limit, now()) is None
    finally:
        publisher.close()


def stops(charger: Charger) -> list[str]:
    return [action for action, _ in charger.commands if action in ("RemoteStopTransaction", "RequestStopTransaction")]


@pytest.mark.both_databases
async def test_sent_at_first_reading_at_it(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        set_limit(depot, transaction.id)
        for register_wh in (200, 300, 399):
            await charger.meter_values(transaction, register_wh)
        await charger.heartbeat()
        assert stops(charger) == []
        await charger.meter_values(transaction, 400)
        await asyncio.wait_for(charger.commanded.wait(), timeout=1)
        await until(lambda: stop_state(transaction.id) == "completed")
        (stop,) = stop_requests(transaction.id)
        assert (stop.sent_at - stop.requested_at) < timedelta(seconds=1)
        assert stops(charger) == ["RemoteStopTransaction"]
        assert (session(transaction.id).state, session(transaction.id).energy_wh) == ("completed", 300)


@pytest.mark.both_databases
@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
async def test_sent_to_2x_charger(depot: Depot, version: str) -> None:
    async with depot.charger_v2(subprotocols=(version,)) as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        number = sessions(charger.identity)[-1].number
        set_limit(depot, number)
        await charger.meter_values(transaction, 399)
        await charger.heartbeat()
        assert stops(charger) == []
        await charger.meter_values(transaction, 401)
        await until(lambda: stop_state(number) == "completed")
        assert stops(charger) == ["RequestStopTransaction"]
        assert session(number).energy_wh == 301


async def test_charger_of_2_1_is_told(depot: Depot) -> None:
    """With the answer to the next event, and again with each change (use case E16); every answer fits the schema."""
    async with depot.charger_v2(subprotocols=("ocpp2.1",)) as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        number = sessions(charger.identity)[-1].number
        started_at: datetime = session(number).started_at
        for limit, told in (
            (Limit(LimitKind.ENERGY, 20_000), {"maxEnergy": 20_000}),
            (Limit(LimitKind.TIME, to_microseconds(started_at + timedelta(hours=2))), {"maxTime": 7200}),
        ):
            set_limit(depot, number, limit)
            assert (await charger.meter_values(transaction, 150))["transactionLimit"] == told
            assert await charger.meter_values(transaction, 160) == {}
        publisher = Publisher(depot.config.redis_url)
        SessionLimits(publisher).remove_limit(number, session(number).account_id or 0, now())
        publisher.close()
        assert (await charger.state(transaction, "SuspendedEV"))["transactionLimit"] == {}
        assert session(number).limit_id is None


async def test_other_versions_are_told_nothing(depot: Depot) -> None:
    async with depot.charger_v2(subprotocols=("ocpp2.0.1",)) as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        set_limit(depot, sessions(charger.identity)[-1].number)
        assert await charger.meter_values(transaction, 150) == {}


async def test_time_by_the_clock(depot: Depot) -> None:
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag)
        until_at = now() + timedelta(seconds=2)
        set_limit(depot, transaction.id, Limit(LimitKind.TIME, to_microseconds(until_at)))
        await until(lambda: bool(stop_requests(transaction.id)))
        (stop,) = stop_requests(transaction.id)
        assert timedelta(0) <= stop.requested_at - until_at < timedelta(seconds=2)
        await until(lambda: stop_state(transaction.id) == "completed")


@pytest.mark.both_databases
async def test_bridge_killed_between_reading_and_stop(own_depot: Depot, processes: Processes) -> None:
    """A killed bridge leaves the reading with its request, which nobody has sent. The next one sends it, once."""
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag, meter_start_wh=100)
        set_limit(own_depot, transaction.id)
        bridge.kill()
        at, charger_id = now(), session(transaction.id).charger_id
        reading = SessionMetered(
            charger_id=charger_id,
            received_at=at,
            connector=1,
            number=transaction.id,
            readings=(Reading(at, register_wh=400),),
        )
        own_depot.ingest(lambda ingest: ingest.store([reading], at))
        assert stop_state(transaction.id) == "requested"
        bridge.start()
        await until(lambda: stop_state(transaction.id) == "completed")
        assert stops(charger) == ["RemoteStopTransaction"]
        assert len(stop_requests(transaction.id)) == 1


async def test_killed_at_any_instant(own_depot: Depot, processes: Processes) -> None:
    """However far it had come, no limit gets a second request, and what was claimed is not sent again in its time."""
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.ACCEPT_SILENT
        for pause_s in (0.0, 0.005, 0.01, 0.02, 0.04):
            transaction = await charger.start_transaction(own_depot.card().id_tag, meter_start_wh=100)
            set_limit(own_depot, transaction.id)
            before = len(stops(charger))
            told = charger.meter_values(transaction, 400)
            await asyncio.sleep(pause_s)
            bridge.kill()
            bridge.start()
            await told
            await until(lambda: len(stop_requests(transaction.id)) == 1)  # noqa: B023 - used at once
            await until(lambda: stop_state(transaction.id) != "requested")  # noqa: B023
            await charger.meter_values(transaction, 410)
            assert len(stops(charger)) - before <= 1
            await charger.stop_transaction(transaction)
            assert StopRequest.select().where(StopRequest.session == transaction.id).count() == 1


async def test_sent_without_redis(own_depot: Depot, processes: Processes, valkey: Valkey) -> None:
    processes.bridge()
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag, meter_start_wh=100)
        set_limit(own_depot, transaction.id)
        valkey.stop()
        await charger.meter_values(transaction, 400)
        await until(lambda: stop_state(transaction.id) == "completed")
        assert stops(charger) == ["RemoteStopTransaction"]


async def test_charger_back_from_offline(depot: Depot) -> None:
    """Its queued readings tell of the limit: it is asked at once, and the limit says that it was offline then."""
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        set_limit(depot, transaction.id)
        charger.connection.drop()
        await charger.meter_values(transaction, 400)
        await until(lambda: stop_state(transaction.id) == "completed")
        assert SessionLimit.get(SessionLimit.session == transaction.id).was_offline


@pytest.mark.both_databases
async def test_cut_off_is_sent_again(depot: Depot) -> None:
    """A connection that breaks instead of the answer leaves open whether the charger was asked."""
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.DISCONNECT
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        set_limit(depot, transaction.id)
        await charger.meter_values(transaction, 400)
        await until(lambda: stops(charger) != [])
        charger.on_remote_stop = OnRemoteStop.ACCEPT
        await until(lambda: stop_state(transaction.id) == "completed")
        assert len(stops(charger)) == 2
        assert len(stop_requests(transaction.id)) == 1


@pytest.mark.both_databases
async def test_claimed_by_a_killed_bridge(own_depot: Depot, processes: Processes) -> None:
    """What a killed bridge had claimed and not sent looks as if it had been: it is sent once its time is over."""
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.SILENT
        transaction = await charger.start_transaction(own_depot.card().id_tag, meter_start_wh=100)
        set_limit(own_depot, transaction.id)
        await charger.meter_values(transaction, 400)
        await until(lambda: stops(charger) != [])
        bridge.kill()
        assert stop_state(transaction.id) == "sent"
        charger.on_remote_stop = OnRemoteStop.ACCEPT
        stop_runs_out(transaction.id)
        bridge.start()
        await until(lambda: stop_state(transaction.id) == "completed")
        assert len(stop_requests(transaction.id)) == 1


async def test_rejected_is_not_repeated(depot: Depot) -> None:
    async with depot.charger() as charger:
        charger.on_remote_stop = OnRemoteStop.REJECT
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        set_limit(depot, transaction.id)
        for register_wh in (400, 410, 420):
            await charger.meter_values(transaction, register_wh)
        await until(lambda: stop_state(transaction.id) == "rejected")
        await charger.meter_values(transaction, 430)
        await charger.heartbeat()
        assert stops(charger) == ["RemoteStopTransaction"]


async def test_readings_are_asked_for_near_it(depot: Depot) -> None:
    """The charger would send none for long. What it is asked for brings it to its limit."""
    async with depot.charger() as charger:
        transaction = await charger.start_transaction(depot.card().id_tag, meter_start_wh=100)
        set_limit(depot, transaction.id)
        await charger.meter_values(transaction, 399, power_w=10_000)
        transaction.register_wh = 401
        heard_at = now() - timedelta(seconds=15)
        session_ = session(transaction.id)
        session_.update(last_heard_at=heard_at).where(type(session_).number == transaction.id).execute()
        SessionLimit.update(look_at=now()).where(SessionLimit.session == transaction.id).execute()
        await until(lambda: stop_state(transaction.id) == "completed" if stop_requests(transaction.id) else False)
        assert [action for action, _ in charger.commands] == ["TriggerMessage", "RemoteStopTransaction"]
