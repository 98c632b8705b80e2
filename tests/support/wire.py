"""A charger's bare socket: the bytes of its frames, as a test wants them, and those that it hears."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from websockets.frames import Frame, Opcode

from tests.support.depot import KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Wire:
    """A charger's bare socket, after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def frame(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload."""
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        return first & 15, await self.reader.readexactly(size)

    async def answered(self) -> str:
        """The message id of the next answer."""
        opcode, payload = await self.frame()
        assert opcode == Opcode.TEXT
        return str(json.loads(payload)[1])

    async def close_code(self) -> int:
        opcode, payload = await self.frame()
        assert opcode == Opcode.CLOSE
        return int.from_bytes(payload[:2], "big")


def text(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=True)


@asynccontextmanager
async def connected(host: str, port: int, identity: str) -> AsyncIterator[Wire]:
    credentials = base64.b64encode(f"{identity}:{KEY}".encode()).decode()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"GET /ocpp/{identity} HTTP/1.1\r\nHost: bridge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {credentials}\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
