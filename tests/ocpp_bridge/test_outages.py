"""The database or Redis goes away and comes back: nothing is acknowledged that is not stored, and all goes on."""

from __future__ import annotations

import asyncio
import http.client

import pytest
from websockets.exceptions import InvalidStatus

from simulator.charger import Charger
from simulator.connection import CallFailed
from tests.support.depot import Depot, session, stop_state, until
from tests.support.outages import database_gone, database_locked
from tests.support.processes import Processes
from tests.support.valkey import Valkey
from tests.support.wait import WITHIN_S

pytestmark = pytest.mark.both_databases

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@on_sqlite
async def test_no_answer_before_stored(own_depot: Depot, processes: Processes) -> None:
    processes.bridge()
    async with own_depot.charger() as charger, own_depot.charger() as other:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        with database_locked():
            waiting = charger.meter_values(transaction, 100)
            await other.heartbeat()
            await other.heartbeat()
            assert not waiting.done()
        assert await waiting == {}
        assert session(transaction.id).energy_wh == 100


@on_postgresql
async def test_database_gone_and_back(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    card = own_depot.card()
    newcomer = own_depot.charger()
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(card.id_tag)
        with database_gone(own_depot.config.database_url):
            with pytest.raises(InvalidStatus) as refusal:
                await newcomer.connect()
            assert refusal.value.response.status_code == 503
            with pytest.raises(CallFailed) as failure:
                await charger.authorize(card.id_tag)
            assert failure.value.code == "InternalError"
            waiting = charger.meter_values(transaction, 100)
            await until(lambda: "does not answer" in bridge.log_text())
            await until(lambda: _status(own_depot, "/readyz") == 503)
            assert _status(own_depot, "/healthz") == 200
            assert not waiting.done()
        assert await waiting == {}
        assert session(transaction.id).energy_wh == 100
        await charger.stop_transaction(transaction, meter_stop_wh=200)
        assert session(transaction.id).energy_wh == 200
        await until(lambda: _status(own_depot, "/readyz") == 200)
        await _connect(newcomer)
        await newcomer.boot()
        await newcomer.close()
    assert "Traceback" not in bridge.log_text()


@on_postgresql
async def test_bridge_stops_while_database_is_gone(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger(reconnects=False) as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        with database_gone(own_depot.config.database_url):
            waiting = charger.meter_values(transaction, 100)
            await until(lambda: "does not answer" in bridge.log_text())
            assert await asyncio.to_thread(bridge.stop) == 0
            assert not waiting.done()
        bridge.start()
        await charger.connection.open()
        assert await waiting == {}


@on_sqlite
async def test_redis_gone_and_back(own_depot: Depot, processes: Processes, valkey: Valkey) -> None:
    bridge = processes.bridge()
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        valkey.stop()
        assert await charger.meter_values(transaction, 100) == {}
        own_depot.ask_stop(session(transaction.id))
        assert stop_state(transaction.id) == "failed"
        await until(lambda: _status(own_depot, "/readyz") == 503)
        async with own_depot.charger() as newcomer:
            other = await newcomer.start_transaction(own_depot.card().id_tag)
            valkey.start()
            await until(lambda: "Redis answers again" in bridge.log_text())
            own_depot.request_stop(session(other.id))
            await until(lambda: stop_state(other.id) == "completed")
        await until(lambda: _status(own_depot, "/readyz") == 200)
    assert bridge.log_text().count("Redis does not answer") == 1
    assert "Traceback" not in bridge.log_text()


async def _connect(charger: Charger) -> None:
    async with asyncio.timeout(WITHIN_S):
        await charger.connect(eventually=True)


def _status(depot: Depot, path: str) -> int:
    connection = http.client.HTTPConnection(depot.config.host, depot.config.ocpp_health_port, timeout=WITHIN_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
