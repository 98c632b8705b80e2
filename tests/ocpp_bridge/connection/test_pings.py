"""A charger that answers no pings: its operator is told, and may have it pinged no more."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from websockets.frames import Frame, Opcode

from ocpp_bridge.connection.websocket import Socket
from tests.support.command_line import run_command
from tests.support.depot import Depot, row, until
from tests.support.wait import WITHIN_S
from tests.support.websockets import serving
from tests.support.wire import Wire, connected, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.processes import Processes

pytestmark = pytest.mark.field(125)

HEARTBEAT = text(b'[2,"1","Heartbeat",{}]')


@asynccontextmanager
async def charging_point(depot: Depot, identity: str) -> AsyncIterator[Wire]:
    """A charger that is there and answers nothing by itself."""
    address = urlsplit(depot.url)
    async with connected(str(address.hostname), address.port or 0, identity) as charger:
        charger.writer.write(HEARTBEAT)
        assert (await charger.frame())[0] == Opcode.TEXT
        yield charger


@pytest.mark.both_databases
async def test_unanswered_pings_counted_and_logged(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge(OCPP_PING_S="0.3")
    identity = own_depot.identity()
    for times in (1, 2):
        async with charging_point(own_depot, identity) as charger:
            assert await charger.frame() == (Opcode.PING, b"")
            assert await charger.close_code() == 1011
        await until(lambda times=times: row(identity).unanswered_pings == times)  # type: ignore[misc]
        assert f"{identity}: it does not answer pings (RFC 6455 obliges it) and was disconnected {times} times" in (
            bridge.log_text()
        )
    async with charging_point(own_depot, identity) as charger:
        assert await charger.frame() == (Opcode.PING, b"")
        charger.writer.write(Frame(Opcode.PONG, b"").serialize(mask=True))
        assert await charger.frame() == (Opcode.PING, b"")
        assert await charger.close_code() == 1011  # its line may have broken
    await until(lambda: row(identity).unanswered_pings == 0)


async def test_charger_that_is_not_pinged(own_depot: Depot, processes: Processes) -> None:
    processes.bridge(OCPP_PING_S="0.3")
    identity = own_depot.identity()
    said = run_command(own_depot.config, "charger", "pings", identity, "off")
    assert said.stdout == f"From its next connection on, charger {identity} is not pinged.\n"
    async with charging_point(own_depot, identity) as charger:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(charger.frame(), 1.5)
        charger.writer.write(HEARTBEAT)
        assert (await charger.frame())[0] == Opcode.TEXT


async def test_silence_ends_connection_without_pings() -> None:
    ended: list[Socket] = []

    async def handle(connection: Socket) -> None:
        connection.stop_pinging(1.0)
        connection.listen(lambda message: connection.write(str(message).encode()) is not None)
        await connection.ended()
        ended.append(connection)

    async with serving(handle, ping_s=0.1) as server, connected(*server.address, "") as charger:
        for number in range(4):
            await asyncio.sleep(0.4)
            charger.writer.write(text(b"%d" % number))
            assert await charger.frame() == (Opcode.TEXT, b"%d" % number)
        assert await asyncio.wait_for(charger.close_code(), WITHIN_S) == 1011
    await until(lambda: ended)
    assert (ended[0].failure, ended[0].is_ping_ignored) == ("silent for too long", False)
