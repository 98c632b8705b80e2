"""A message whose handling fails is answered, and the next one has its turn."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.asyncio.client import connect

from ocpp_bridge.connection.connection import AdmittedCharger, Connection
from ocpp_bridge.connection.frame_log import FrameLog
from ocpp_bridge.connection.volume import Volume
from ocpp_bridge.connection.websocket import Socket
from ocpp_bridge.versions.base import CentralSystem, Handler
from ocpp_bridge.versions.notifications import keep
from ocpp_bridge.versions.v16.handlers import V16
from polaris.domain import clock_drift
from polaris.domain.facts import ChargerClockSampled
from tests.support.wait import WITHIN_S
from tests.support.websockets import serving

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def stored(_: object) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    return future


def fail(*_: object) -> object:
    raise ZeroDivisionError


async def run(socket: Socket, version: V16) -> None:
    tap = FrameLog(None).tap("depot-7")
    charger = AdmittedCharger(1, "depot-7")
    await Connection(
        socket, charger, version, on_activity=lambda _: None, tap=tap, volume=Volume(), on_alarm=list
    ).run()


@pytest.mark.field(46)
@pytest.mark.parametrize(
    "handler",
    [Handler(keep, fail), Handler(lambda *_: None, fail), Handler(fail, fail)],  # type: ignore[arg-type]
    ids=["after waiting", "at once", "before waiting"],
)
async def test_failed_handling(handler: Handler) -> None:
    async def handle(socket: Socket) -> None:
        version = V16(CentralSystem(stored, stored, lambda: NOW, 300))
        version.handlers = {**version.handlers, "DataTransfer": handler}
        await run(socket, version)

    async with serving(handle) as server:
        host, port = server.address
        async with connect(f"ws://{host}:{port}") as charger, asyncio.timeout(WITHIN_S):
            await charger.send('[2,"1","DataTransfer",{}]')
            await charger.send('[2,"2","Heartbeat",{}]')
            assert json.loads(await charger.recv())[:3] == [4, "1", "InternalError"]
            assert json.loads(await charger.recv())[:2] == [3, "2"]


async def test_clock_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round of messages that changes what is known of the clock is stored, once the next has begun."""
    monkeypatch.setattr(clock_drift, "ROUND", timedelta(0))
    facts: list[Any] = []

    def store(fact: Any) -> asyncio.Future[Any]:
        facts.append(fact)
        return stored(fact)

    async with serving(lambda socket: run(socket, V16(CentralSystem(store, stored, lambda: NOW, 300)))) as server:
        host, port = server.address
        async with connect(f"ws://{host}:{port}") as charger, asyncio.timeout(WITHIN_S):
            for number, ahead_s in enumerate((40, -20, -20, -20)):
                at = datetime.now(UTC) + timedelta(seconds=ahead_s)
                status = {"connectorId": 1, "status": "Available", "errorCode": "NoError", "timestamp": at.isoformat()}
                await charger.send(json.dumps([2, str(number), "StatusNotification", status]))
                await charger.recv()
    samples = [fact.ahead for fact in facts if isinstance(fact, ChargerClockSampled)]
    assert [round(ahead.total_seconds()) for ahead in samples] == [40, -20]
