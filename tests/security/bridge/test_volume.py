"""The allowance of a charger is its own affair: its debt is bounded, and what nobody handles costs nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.asyncio.client import connect

from ocpp_bridge.connection import volume
from ocpp_bridge.connection.connection import AdmittedCharger, Connection
from ocpp_bridge.connection.frame_log import FrameLog
from ocpp_bridge.connection.volume import MAX_BURST_BYTES, MAX_BYTES_PER_S, MIN_COST_BYTES, Volume
from ocpp_bridge.connection.websocket import MAX_MESSAGE_BYTES, Socket
from ocpp_bridge.versions.base import CentralSystem
from ocpp_bridge.versions.v16.handlers import V16
from tests.support.wait import WITHIN_S
from tests.support.websockets import serving

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def unused(*_: object) -> asyncio.Future[Any]:
    raise AssertionError


def test_debt_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "monotonic", lambda: 1000.0)
    charger = Volume()
    charger.spend(MAX_BURST_BYTES)
    for _ in range(100):
        assert charger.spend(MAX_MESSAGE_BYTES) == MAX_MESSAGE_BYTES / MAX_BYTES_PER_S


async def test_replaced_connection_lets_go_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its messages that wait are dropped at once, and not counted: their charger sends them again."""
    monkeypatch.setattr(volume, "monotonic", lambda: 1000.0)
    allowance = Volume()
    allowance.spend(MAX_BURST_BYTES)
    connections: list[Connection] = []
    is_over = asyncio.Event()

    async def handle(socket: Socket) -> None:
        version = V16(CentralSystem(unused, unused, lambda: NOW, 300))
        connection = Connection(
            socket,
            AdmittedCharger(1, "depot-7"),
            version,
            on_activity=lambda _: None,
            tap=FrameLog(None).tap("depot-7"),
            volume=allowance,
            on_alarm=lambda _: connections.append(connection),
        )
        await connection.run()
        is_over.set()

    async with serving(handle) as server:
        host, port = server.address
        async with connect(f"ws://{host}:{port}") as charger, asyncio.timeout(WITHIN_S):
            text = '[2,"1","Heartbeat",{}]'
            for _ in range(3):
                await charger.send(text.ljust(MAX_MESSAGE_BYTES // 8))
            while not connections:
                await asyncio.sleep(0)
            await connections[0].replace()
            await is_over.wait()
    owed = MAX_MESSAGE_BYTES // 8 + MIN_COST_BYTES  # the first, which came before the end, and this
    assert allowance.spend(0) == owed / MAX_BYTES_PER_S
