"""Attacks, in a process of their own so that they take no time from who is measured: `python -m tests.chaos.attacks`.

Each is a coroutine that goes on until it is cancelled. They come from another address than everybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import resource
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import redis
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode

from polaris import pubsub
from polaris.web.static_files import present

ATTACKER = "127.0.0.66"
SOCKETS = 600
HANDSHAKE = (
    *("Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
    *("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: ocpp1.6"),
)
HALF_HANDSHAKES = 6_000  # more than the bridge lets wait of one address
PAUSE_S = 0.02  # between two attempts, so that the attack is the server's load and not the machine's

GARBAGE = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"7",
    b'{"data": null}',
    b'{"data": {}, "type": "session.changed"}',
    b'{"data": {"session": "one", "charger": []}, "type": "session.changed"}',
    b'{"data": {"session": 1e999, "charger": -1}, "type": "session.changed"}',
    b'{"data": {"command": true}, "type": "command.any"}',
    b'{"data": {"stop_request": 99999999999999999999999}, "type": "command.stop"}',
    b"[" * 100_000,
    b'{"data":' * 50_000,
    b'"' + b"x" * 1_000_000 + b'"',
    b"9" * 10_000,
)


async def slow_bodies(target: dict[str, Any]) -> None:
    """Announce a body and never send it, or send a byte now and then."""
    head = b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    await _hold_open(target["web_port"], head + b"Content-Length: 60000\r\n\r\n", b"a")


async def slow_heads(target: dict[str, Any]) -> None:
    """Begin a request and never end its headers."""
    await _hold_open(target["web_port"], b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", b"b")


async def slow_reads(target: dict[str, Any]) -> None:
    """Ask for the largest file every second on one connection, and read nothing."""
    file = f"/static/{present().fingerprint}/vendor/htmx.org@4.0.1/htmx.min.js"
    request = f"GET {file} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    await _hold_open(target["web_port"], request, request, receive_buffer=4096)


async def half_handshakes(target: dict[str, Any]) -> None:
    """Connect to the bridge and say nothing, or half of a handshake."""
    await _hold_open(
        target["bridge_port"],
        b"GET /ocpp/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: webs",
        b"",
        sockets=HALF_HANDSHAKES,
    )


async def early_frames(target: dict[str, Any]) -> None:
    """Send frames behind a request, without waiting for what it is answered."""
    pings = b"\x89\x80\x00\x00\x00\x00" * 30_000
    handshake = "\r\n".join(("GET /ocpp/nobody HTTP/1.1", *HANDSHAKE, "", "")).encode()
    await _hold_open(target["bridge_port"], handshake + pings, b"", sockets=100)


async def pings(target: dict[str, Any]) -> None:
    """Ping as fast as the socket takes it, as a charger of ours, and read nothing."""
    loop = asyncio.get_running_loop()
    frames = Frame(Opcode.PING, b"p" * 125).serialize(mask=True) * 1000
    lines = (
        f"GET /ocpp/{target['identity']} HTTP/1.1",
        *HANDSHAKE,
        f"Authorization: {target['headers']['Authorization']}",
    )
    while True:
        with contextlib.suppress(OSError), socket.socket() as connection:
            connection.setblocking(False)
            connection.bind((ATTACKER, 0))
            await loop.sock_connect(connection, ("127.0.0.1", target["bridge_port"]))
            await loop.sock_sendall(connection, "\r\n".join((*lines, "", "")).encode())
            await loop.sock_recv(connection, 4096)
            while True:
                await loop.sock_sendall(connection, frames)
                await asyncio.sleep(PAUSE_S)
        await asyncio.sleep(PAUSE_S)


async def pipelines(target: dict[str, Any]) -> None:
    """Send requests without waiting for the answers to those before."""
    request = b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    await _hold_open(target["web_port"], request * 500, b"", receive_buffer=4096, sockets=50)


async def wrong_keys(target: dict[str, Any]) -> None:
    """Try keys, one connection after the other, from sixteen tasks."""

    async def guess(task: int) -> None:
        for number in itertools.count():
            url = f"ws://127.0.0.1:{target['bridge_port']}/ocpp/{target['identity']}"
            headers = {"Authorization": f"Basic {task:04}{number:04}"}
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(
                    url, additional_headers=headers, local_addr=(ATTACKER, 0), open_timeout=5, proxy=None
                ):
                    print("a wrong key was let in", flush=True)
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(guess(task) for task in range(16)))


async def garbage(target: dict[str, Any]) -> None:
    """Publish what is no message on every channel that anybody listens to."""
    with redis.Redis.from_url(target["redis_url"]) as client:
        for message in itertools.cycle(GARBAGE):
            for channel in client.pubsub_channels():
                client.publish(channel, message)
            for channel in (pubsub.ALL_SESSIONS, pubsub.ALL_CHARGERS, pubsub.METER_KEYS, pubsub.PROCESS_CHANNEL):
                client.publish(channel, message)
            await asyncio.sleep(PAUSE_S)


async def flood(target: dict[str, Any]) -> None:
    """Send readings of unknown transactions and of ever new connectors, as fast as a charger of ours is answered."""
    url = f"ws://127.0.0.1:{target['bridge_port']}/ocpp/{target['identity']}"
    for began in itertools.count():
        with contextlib.suppress(OSError, WebSocketException, TimeoutError):
            async with connect(
                url,
                subprotocols=["ocpp1.6"],
                additional_headers=target["headers"],
                proxy=None,  # type: ignore[list-item]
            ) as charger:
                for number in itertools.count():
                    await charger.send(_reading(f"{began}-{number}", number))
                    await charger.recv()
        await asyncio.sleep(PAUSE_S)


ATTACKS: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
    attack.__name__: attack
    for attack in (
        *(slow_bodies, slow_heads, slow_reads, pipelines),
        *(half_handshakes, early_frames, wrong_keys, pings, flood),
        garbage,
    )
}


async def _hold_open(port: int, first: bytes, then: bytes, *, receive_buffer: int = 0, sockets: int = SOCKETS) -> None:
    """Keep as many connections open as the server lets, each with these first bytes, then a few now and then."""
    await asyncio.gather(*(_hold_one(port, first, then, receive_buffer) for _ in range(sockets)))


async def _hold_one(port: int, first: bytes, then: bytes, receive_buffer: int) -> None:
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(OSError), socket.socket() as connection:
            connection.setblocking(False)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.bind((ATTACKER, 0))
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, first)
            while True:
                await asyncio.sleep(1)
                await loop.sock_sendall(connection, then)
                if not receive_buffer and await _has_ended(connection):
                    break
        await asyncio.sleep(1)


async def _has_ended(connection: socket.socket) -> bool:
    try:
        return not connection.recv(4096)
    except BlockingIOError:
        return False


def _reading(message_id: str, number: int) -> str:
    value = {"value": str(number), "measurand": "Energy.Active.Import.Register"}
    values = [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [value] * 50}]
    payload = {"connectorId": number, "transactionId": number, "meterValue": values}
    return json.dumps([2, message_id, "MeterValues", payload])


async def main(name: str, target: dict[str, Any]) -> None:
    """Attack until the standard input ends."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack = asyncio.ensure_future(ATTACKS[name](target))
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait((attack, ended), return_when=asyncio.FIRST_COMPLETED)
    if attack.done():
        attack.result()
    attack.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
