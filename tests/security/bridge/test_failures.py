"""A failure of one part is logged and ends nothing else: not the bridge, and no place for a connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from ocpp_bridge.connection.listener import Listener
from ocpp_bridge.connection.places import Places
from ocpp_bridge.handshake import rechecks
from ocpp_bridge.handshake.rechecks import Rechecks
from tests.support.wait import WITHIN_S


async def test_failed_recheck_is_followed_by_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rechecks, "INTERVAL_S", 0.01)
    monkeypatch.setattr(rechecks, "MIN_INTERVAL_S", 0.01)
    loop, again, count = asyncio.get_running_loop(), asyncio.Event(), 0

    def admissions() -> Mapping[int, int]:
        nonlocal count
        count += 1
        if count == 1:
            raise ZeroDivisionError
        loop.call_soon_threadsafe(again.set)
        return {}

    running = asyncio.create_task(Rechecks(admissions, list).run())
    waiting = asyncio.create_task(again.wait())
    await asyncio.wait((running, waiting), timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    assert again.is_set()
    running.cancel()
    assert caplog.text.count("A recheck of the connected chargers failed") == 1


async def test_connection_without_options_takes_no_place(tmp_path: Path) -> None:
    """A socket that is no TCP one takes no option of TCP, as one whose client is gone may not."""
    places, accepted = Places(10), list[object]()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "listening"))
    listening.listen()
    listener = Listener([listening], places, lambda *connection: accepted.append(connection))
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        client.bind(str(tmp_path / "client"))  # else it has no address
        client.connect(str(tmp_path / "listening"))
        async with asyncio.timeout(WITHIN_S):
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
    assert (places.taken, accepted) == (0, [])
    listener.close()
