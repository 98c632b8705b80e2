"""A charger that says something is there, and is not asked; one that is silent is asked, and ended if it stays so."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.frames import Frame, Opcode

from ocpp_bridge.connection.websocket import Socket
from tests.support.websockets import serving
from tests.support.wire import Wire, connected, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def echoing(ping_s: float) -> AsyncIterator[Wire]:
    async def handle(connection: Socket) -> None:
        connection.listen(lambda message: connection.write(str(message).encode()) is not None)
        await connection.ended()

    async with serving(handle, ping_s=ping_s, close_s=0.1) as server, connected(*server.address, "") as charger:
        yield charger


@pytest.mark.field(66)
async def test_silent_charger_pinged_then_closed() -> None:
    async with echoing(0.2) as charger:
        assert await charger.frame() == (Opcode.PING, b"")
        assert await charger.close_code() == 1011


@pytest.mark.field(66)
async def test_any_data_answers_ping() -> None:
    async with echoing(3.0) as charger:
        assert await charger.frame() == (Opcode.PING, b"")
        charger.writer.write(Frame(Opcode.PONG, b"").serialize(mask=True))
        assert await charger.frame() == (Opcode.PING, b"")
        charger.writer.write(text(b"here"))
        assert await charger.frame() == (Opcode.TEXT, b"here")
        assert await charger.frame() == (Opcode.PING, b"")


@pytest.mark.field(66)
async def test_active_charger_not_pinged() -> None:
    async with echoing(4.0) as charger:
        for number in range(50):
            charger.writer.write(text(b"%d" % number))
            assert await charger.frame() == (Opcode.TEXT, b"%d" % number)  # and no ping before it
            await asyncio.sleep(0.1)
