"""Guesses at chargers' keys: throttled, told of and not logged one by one; whoever has the right key gets in."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from ocpp_bridge.handshake import throttle
from ocpp_bridge.handshake.throttle import MAX_FAILURES, MAX_NETWORK_FAILURES, KeyThrottle
from polaris.models import ChargerNotice
from tests.support.depot import Depot, row, until
from tests.support.processes import Processes
from tests.support.wait import WITHIN_S

GUESSES = 400
WRONG = "not-the-key-of-this-charger"


async def test_guesses_throttled_and_right_key_admitted(own_depot: Depot, processes: Processes) -> None:
    bridge = processes.bridge()
    async with own_depot.charger(reconnects=False) as guessed_at, own_depot.charger(reconnects=False) as neighbour:
        statuses = Counter([await _guess(own_depot, guessed_at.identity) for _ in range(GUESSES)])
        assert statuses[401] < GUESSES / 4
        assert statuses[401] + statuses[429] == GUESSES
        others = Counter([await _guess(own_depot, f"nobody-{number}") for number in range(GUESSES)])
        assert others == {401: GUESSES}  # an unknown charger and a wrong key are answered alike
        for charger in (guessed_at, neighbour):
            async with own_depot.charger(charger.identity) as again:  # from the same address
                await again.heartbeat()
        async with own_depot.charger() as newcomer:
            await newcomer.heartbeat()
    alarms = [json.loads(line) for line in bridge.log_text().splitlines() if line.startswith("{")]
    assert {alarm["event"] for alarm in alarms} == {"charger.wrong_keys"}
    assert alarms[0]["identity"] == guessed_at.identity
    assert alarms[0]["address"] == "127.0.0.1"
    assert bridge.log_text().count("\n") < 150
    charger_id = row(guessed_at.identity).id
    await until(lambda: ChargerNotice.get_or_none(topic="Alarm wrong keys", charger=charger_id))


async def test_guessed_at_newcomer_gets_its_turn(own_depot: Depot, processes: Processes) -> None:
    """A charger that was never admitted waits for its turn, which comes within seconds."""
    processes.bridge()
    identity = own_depot.identity()
    statuses = [await _guess(own_depot, identity) for _ in range(MAX_FAILURES + 5)]
    assert statuses[-1] == 429
    with pytest.raises(InvalidStatus, match="429"):
        await own_depot.charger(identity).connect()
    async with asyncio.timeout(WITHIN_S):
        while not await _connects(own_depot, identity):
            await asyncio.sleep(0.1)


def test_allowances(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1000.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: at[0])
    keys = KeyThrottle()
    one, other, elsewhere = ("depot-7", "a"), ("depot-8", "a"), ("depot-7", "b")
    assert [keys.failed(one) for _ in range(MAX_FAILURES)] == [False] * (MAX_FAILURES - 1) + [True]
    assert (keys.is_open(one, b"key"), keys.is_open(other, b"key"), keys.is_open(elsewhere, b"key")) == (
        False,
        True,
        True,
    )
    at[0] += 5.1
    assert keys.is_open(one, b"key")
    for number in range(MAX_NETWORK_FAILURES):
        keys.failed((f"nobody-{number}", "a"))
    assert keys.is_open(other, b"key")
    keys.failed(other)
    assert not keys.is_open(other, b"key")
    keys.admitted(other, b"key")
    for _ in range(MAX_FAILURES):
        keys.failed(other)
    assert (keys.is_open(other, b"key"), keys.is_open(other, b"wrong"), keys.is_open(other, None)) == (
        True,
        False,
        False,
    )


async def _connects(depot: Depot, identity: str) -> bool:
    charger = depot.charger(identity)
    try:
        await charger.connect()
    except InvalidStatus:
        return False
    await charger.close()
    return True


async def _guess(depot: Depot, identity: str) -> int:
    address = urlsplit(depot.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    credentials = base64.b64encode(f"{identity}:{WRONG}".encode()).decode()
    writer.write(
        f"GET /ocpp/{identity} HTTP/1.1\r\nHost: bridge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {credentials}\r\n\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1])
