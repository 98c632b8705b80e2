"""What one client sends costs the others a fair turn: however much it is, and whether it was admitted or not."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.frames import Frame, Opcode

from ocpp_bridge.connection import volume
from ocpp_bridge.connection.frame_log import MAX_BURST, FrameLog
from ocpp_bridge.connection.volume import MAX_BURST_BYTES, MAX_FRAMES, MIN_COST_BYTES, Volume
from ocpp_bridge.connection.websocket import (
    MAX_HEAD_BYTES,
    MAX_PER_TURN,
    MAX_WAITING,
    MAX_WRITE_BUFFER_BYTES,
    Socket,
)
from polaris.ocpp_log.files import IN, LogFiles
from tests.support.depot import Depot, until
from tests.support.websockets import serving
from tests.support.wire import Wire, connected, text

PLENTY = 9_000  # frames, fewer than end a connection
PING = Frame(Opcode.PING, b"p" * 125).serialize(mask=True)
PONG = Frame(Opcode.PONG, b"").serialize(mask=True)
HEAD = b"GET /ocpp/nobody HTTP/1.1\r\nHost: bridge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
REST = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"


async def test_neighbour_waits_for_few_frames() -> None:
    """Its message is taken although thousands of another charger's are there already."""
    taken: list[str | bytes] = []

    async def handle(connection: Socket) -> None:
        connection.listen(lambda message: taken.append(message) is None)
        await connection.ended()

    async with serving(handle) as server:
        address = server.address
        async with connected(*address, "flood") as flood, connected(*address, "calm") as calm:
            flood.writer.write(text(b"") * PLENTY)
            calm.writer.write(text(b"calm"))
            await until(lambda: "calm" in taken)
            assert taken.index("calm") < 20 * MAX_PER_TURN
            await until(lambda: len(taken) == PLENTY + 1)


async def test_messages_that_wait_are_handled_after_the_end() -> None:
    taken: list[str | bytes] = []
    has_ended = asyncio.Event()

    async def handle(connection: Socket) -> None:
        connection.listen(lambda message: taken.append(message) is None)
        await connection.ended()
        has_ended.set()

    async with serving(handle) as server:
        async with connected(*server.address, "hasty") as charger:
            charger.writer.write(text(b"x") * (100 * MAX_PER_TURN))
        await has_ended.wait()
    assert len(taken) == 100 * MAX_PER_TURN


async def test_little_is_read_while_messages_wait() -> None:
    sockets: list[Socket] = []

    async def handle(connection: Socket) -> None:
        sockets.append(connection)
        connection.listen(lambda _: False)
        await connection.wait_closed()

    async with serving(handle) as server, connected(*server.address, "flood") as charger:
        charger.writer.write(text(b"x") * PLENTY)
        await until(lambda: sockets and not sockets[0].transport.is_reading())
        assert len(sockets[0]._inbox) == MAX_WAITING
        charger.writer.transport.abort()


async def test_unread_pongs_do_not_pile_up() -> None:
    sockets: list[Socket] = []

    async def handle(connection: Socket) -> None:
        sockets.append(connection)
        connection.listen(lambda _: True)
        await connection.wait_closed()

    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # which its connections inherit
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    async with serving(handle, listening=listening), connected(*listening.getsockname(), "") as charger:
        charger.writer.transport.pause_reading()  # type: ignore[attr-defined]
        charger.writer.write(PING * PLENTY + text(b"the end"))
        await until(lambda: sockets and sockets[0]._inbox)
        assert sockets[0].transport.get_write_buffer_size() < 2 * MAX_WRITE_BUFFER_BYTES
        charger.writer.transport.abort()


async def test_flood_of_control_frames_closed(depot: Depot) -> None:
    address = urlsplit(depot.url)
    async with depot.charger() as other:
        async with connected(str(address.hostname), address.port or 0, depot.identity()) as charger:
            charger.writer.write(PONG * (2 * MAX_FRAMES))
            assert await charger.close_code() == 1008
        await other.heartbeat()


async def test_what_follows_the_request_is_not_read(depot: Depot) -> None:
    """A client that sends frames before it is admitted is cut off, and so is one whose head has no end."""
    address = urlsplit(depot.url)
    async with depot.charger() as other:
        for sent in (HEAD + REST + PING, HEAD + REST + PING * 10_000, HEAD + b"X-A: b\r\n" * MAX_HEAD_BYTES):
            reader, writer = await asyncio.open_connection(str(address.hostname), address.port)
            client = Wire(reader, writer)
            with suppress(ConnectionError):
                client.writer.write(sent)
                assert await client.reader.read() == b""
            client.writer.close()
        await other.heartbeat()


async def test_reconnecting_gives_no_new_frames(depot: Depot) -> None:
    address, identity = urlsplit(depot.url), depot.identity()
    for frames in (MAX_FRAMES, MAX_FRAMES // 2):
        async with connected(str(address.hostname), address.port or 0, identity) as charger:
            charger.writer.write(PONG * frames + text(b'[2,"1","Heartbeat",{}]'))
            opcode, _ = await charger.frame()
            assert (opcode == Opcode.CLOSE) is (frames < MAX_FRAMES)


def test_empty_message_has_a_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volume, "monotonic", lambda: 1000.0)
    charger = Volume()
    for _ in range(MAX_BURST_BYTES // MIN_COST_BYTES):
        charger.spend(0)
    assert charger.spend(0) > 0


def test_reconnecting_gives_no_new_allowance(tmp_path: Path) -> None:
    frame_log = FrameLog(LogFiles(tmp_path, "bridge", max_bytes=64_000_000, max_age_s=60))
    for _ in range(3):
        tap = frame_log.tap("depot-7")
        for _ in range(MAX_BURST // 1000):
            tap.record(IN, "x" * 500)
    frame_log.tap("depot-8").record(IN, "x")
    assert len(frame_log.lines) == MAX_BURST // 1000 + 1
