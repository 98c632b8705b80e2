"""Nothing lost, the quiet ways: the database away for a while, a charger that moves, a bridge that ends."""

from __future__ import annotations

import asyncio

import pytest

from simulator.charger import Charger, Transaction
from simulator.connection import Payload
from tests.support.depot import Depot, readings, row, session, stop_state, until
from tests.support.outages import database_gone
from tests.support.ports import free_port
from tests.support.processes import Process, Processes

pytestmark = pytest.mark.both_databases

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@on_postgresql
async def test_connections_survive_database_outage(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger(reconnects=False) as charger, own_depot.charger(reconnects=False) as idle:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        await idle.boot()
        before = [row(one.identity).connection_id for one in (charger, idle)]
        with database_gone(own_depot.config.database_url):
            waiting = await _tell(charger, transaction, 3)
            await until(lambda: "does not answer" in bridge.log_text())
            await idle.heartbeat()  # it needs no database
            assert not any(one.done() for one in waiting)
        assert await asyncio.gather(*waiting) == [{}, {}, {}]
        await idle.boot()
        assert [row(one.identity).connection_id for one in (charger, idle)] == before
        assert [reading.register_wh for reading in readings(transaction.id)] == [100, 200, 300]


@pytest.mark.field(72)
@on_postgresql
async def test_stopping_bridge_hands_over(own_depot: Depot, processes: Processes) -> None:
    """What the ending bridge did not answer is told to the other; what it answered is there."""
    first, second = _two_bridges(processes)
    async with own_depot.charger() as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        told = await _tell(charger, transaction, 20)
        await told[2]
        charger.connection.url = f"{second.url}/{charger.identity}"  # as a load balancer would send it
        assert await asyncio.to_thread(first.stop) == 0
        assert await asyncio.gather(*told) == [{}] * 20
        assert charger.connection.close_code == 1001
        assert [reading.register_wh for reading in readings(transaction.id)] == [100 * n for n in range(1, 21)]
        own_depot.request_stop(session(transaction.id))
        await until(lambda: stop_state(transaction.id) == "completed")
        assert session(transaction.id).energy_wh == 2000
    assert "Traceback" not in first.log_text() + second.log_text()


@pytest.mark.field(65)
@on_postgresql
async def test_moving_charger_loses_nothing(own_depot: Depot, processes: Processes) -> None:
    bridges = _two_bridges(processes)
    async with own_depot.charger(min_pause_s=0.02) as charger:
        transaction = await charger.start_transaction(own_depot.card().id_tag)
        for number in range(1, 31):
            waiting = charger.meter_values(transaction, 100 * number)
            if number % 5 == 0:
                charger.connection.url = f"{bridges[number % 2].url}/{charger.identity}"
                charger.connection.drop()
            assert await waiting == {}
        await charger.stop_transaction(transaction, meter_stop_wh=3000)
        taken = [reading.register_wh for reading in readings(transaction.id) if not reading.is_final]
        assert taken == [100 * number for number in range(1, 31)]
        assert session(transaction.id).energy_wh == 3000
    assert all("Traceback" not in bridge.log_text() for bridge in bridges)


async def _tell(charger: Charger, transaction: Transaction, count: int) -> list[asyncio.Future[Payload]]:
    """Queue so many readings of 100, 200, … Wh, each of an instant of its own: the charger's clock has milliseconds."""
    told = []
    for number in range(1, count + 1):
        told.append(charger.meter_values(transaction, 100 * number))
        await asyncio.sleep(0.002)
    return told


def _two_bridges(processes: Processes) -> tuple[Process, Process]:
    return processes.bridge(), processes.bridge(OCPP_PORT=str(free_port()), OCPP_HEALTH_PORT=str(free_port()))
