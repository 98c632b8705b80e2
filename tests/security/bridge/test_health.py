"""Health checks that anybody may ask for: they neither add up nor stop admissions while the database is locked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ocpp_bridge import health, tasks
from ocpp_bridge.health import Health
from tests.support.wait import WITHIN_S


async def test_one_probe_at_a_time_and_none_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.1)
    unlocked = threading.Event()
    probes: list[int] = []

    def check() -> None:
        probes.append(1)
        unlocked.wait(WITHIN_S)

    server = await Health(check).listen("127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def status() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return int(answer.split()[1])

    async with asyncio.timeout(WITHIN_S), server:
        assert await asyncio.gather(*(status() for _ in range(8))) == [503] * 8
        assert await tasks.in_thread(lambda: "a lookup") == "a lookup"
        assert len(probes) == 1
        unlocked.set()
        while await status() != 200:
            await asyncio.sleep(0)
        assert [await status() for _ in range(8)] == [200] * 8
        assert len(probes) == 1  # its result is kept
        monkeypatch.setattr(health, "PROBE_INTERVAL_S", 0)
        assert (await status(), len(probes)) == (200, 2)
