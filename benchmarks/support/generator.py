"""The load generator: many chargers on raw sockets, in a process of its own, as cheap as Python can make them.

`python -m benchmarks.support.generator` reads one JSON object from standard input (see `Load`), prints a line once all
chargers are connected, and at the end one JSON object with the figures. Frames are masked with a key of zeros, which
RFC 6455 allows and which costs nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import uvloop

from benchmarks.support.machine import family
from benchmarks.support.messages import CallSource, start

MASK = b"\0\0\0\0"
MAX_HANDSHAKES = 200
WARM_UP_S = 1.0


@dataclass
class Load:
    """The load: the chargers of `keys` send the Action `kind` for some seconds.

    Each sends its next CALL as soon as it has its answer or, if `every_s` is set, at intended instants of its own.
    """

    port: int
    keys: list[tuple[str, str]]
    kind: str
    seconds: float
    every_s: float = 0.0
    subprotocol: str = "ocpp1.6"
    core: int | None = None
    transactions: bool = True
    watched: dict[str, int] = field(default_factory=dict)  # pids by name; their CPU and their children's is measured
    once: bool = False  # each sends a single CALL; the figure is the time until all are answered


@dataclass
class Measured:
    """The results. Latencies count from the intended instant if there is one, else from the sending."""

    calls: int = 0
    errors: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    busy: float = 0.0  # of one core
    cpu_s: dict[str, float] = field(default_factory=dict)  # of the watched processes, in the same time


class Window:
    """The period that counts: its duration, and the CPU time spent in it."""

    def __init__(self, load: Load) -> None:
        self._watched = {name: list(family(pid)) for name, pid in load.watched.items()}
        self._before = self._spent()
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def close(self, measured: Measured) -> None:
        measured.seconds = time.perf_counter() - self._began
        measured.busy = (time.process_time() - self._cpu) / measured.seconds
        after = self._spent()
        measured.cpu_s = {name: round(after[name] - before, 3) for name, before in self._before.items()}

    def _spent(self) -> dict[str, float]:
        return {name: sum(sum(p.cpu_times()[:2]) for p in members) for name, members in self._watched.items()}


class SimulatedCharger(asyncio.Protocol):
    """A charger on a raw socket: a handshake, then one CALL at a time."""

    def __init__(self, load: Load, identity: str, key: str) -> None:
        self.load, self.identity, self.key = load, identity, key
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_answer: Callable[[bytes], None] = lambda _: None
        self.buffer = b""
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        credentials = base64.b64encode(f"{self.identity}:{self.key}".encode()).decode()
        self.transport.write(
            (
                f"GET /ocpp/{self.identity} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Protocol: {self.load.subprotocol}\r\nAuthorization: Basic {credentials}\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self.buffer + data
        if not self.is_open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.ready.set_exception(ConnectionError(head.split(b"\r\n", 1)[0].decode()))
                return
            self.is_open = True
            if not self.ready.done():
                self.ready.set_result(None)
        while len(data) >= 2:
            length, start = data[1] & 127, 2
            if length == 126:
                length, start = int.from_bytes(data[2:4], "big"), 4
            if len(data) < start + length:
                break
            payload, opcode = data[start : start + length], data[0] & 15
            data = data[start + length :]
            if opcode == 1 and payload.startswith(b"[2,"):
                self.send(json.dumps([4, json.loads(payload)[1], "NotSupported", "", {}]).encode())
            elif opcode == 1:
                self.on_answer(payload)
            elif opcode == 9:
                self.transport.write(bytes((0x8A, 0x80 | len(payload))) + MASK + payload)
        self.buffer = data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed"))

    def send(self, text: bytes) -> None:
        size = len(text)
        head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
        self.transport.write(head + MASK + text)

    def call(self, text: bytes) -> asyncio.Future[bytes]:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.on_answer = answer.set_result
        self.send(text)
        return answer


async def connect(load: Load) -> list[SimulatedCharger]:
    gate = asyncio.Semaphore(MAX_HANDSHAKES)

    async def connect_one(identity: str, key: str) -> SimulatedCharger:
        async with gate:
            charger = SimulatedCharger(load, identity, key)
            await asyncio.get_running_loop().create_connection(lambda: charger, "127.0.0.1", load.port)
            await charger.ready
            return charger

    return list(await asyncio.gather(*(connect_one(identity, key) for identity, key in load.keys)))


async def transaction(charger: SimulatedCharger) -> int | str:
    """Begin a transaction; return its id."""
    call, name = start(charger.load.kind, charger.identity)
    answer = json.loads(await charger.call(call))
    return name or int(answer[2]["transactionId"])


async def closed_loop(load: Load, chargers: list[SimulatedCharger], all_messages: list[CallSource]) -> Measured:
    """Let each charger send its next CALL as soon as it has its answer."""
    measured, clock = Measured(), time.perf_counter
    is_on = [True]
    since = [float("inf")]

    def run(charger: SimulatedCharger, messages: CallSource) -> None:
        sent = [clock()]

        def answered(payload: bytes) -> None:
            now = clock()
            if now >= since[0]:
                measured.calls += 1
                measured.latencies_ms.append((now - sent[0]) * 1000)
                measured.errors += payload[1:2] != b"3"
            if is_on[0]:
                sent[0] = now
                charger.send(messages.next())

        charger.on_answer = answered
        charger.send(messages.next())

    for charger, messages in zip(chargers, all_messages, strict=True):
        run(charger, messages)
    await asyncio.sleep(WARM_UP_S)
    window = Window(load)
    since[0] = clock()
    await asyncio.sleep(load.seconds)
    since[0], is_on[0] = float("inf"), False
    window.close(measured)
    await asyncio.sleep(1)
    return measured


async def open_loop(load: Load, chargers: list[SimulatedCharger], all_messages: list[CallSource]) -> Measured:
    """Let each charger send every `every_s` seconds, spread evenly; latency counts from the intended instant."""
    measured, clock = Measured(), time.perf_counter
    began, since = clock(), [float("inf")]
    step = load.every_s / len(chargers)
    waiting: dict[int, float] = {}

    def answered(index: int, payload: bytes) -> None:
        intended = waiting.pop(index, None)
        if intended is not None and intended >= since[0]:
            measured.calls += 1
            measured.latencies_ms.append((clock() - intended) * 1000)
            measured.errors += payload[1:2] != b"3"

    for index, charger in enumerate(chargers):
        charger.on_answer = partial(answered, index)
    window = None
    for number in range(int((WARM_UP_S + load.seconds) / step)):
        intended = began + number * step
        pause = intended - clock()
        if pause > 0.0005:
            await asyncio.sleep(pause)
        if window is None and intended - began >= WARM_UP_S:
            window, since[0] = Window(load), intended
        index = number % len(chargers)
        waiting[index] = intended
        chargers[index].send(all_messages[index].next())
    if window is not None:
        window.close(measured)
    await asyncio.sleep(1)
    measured.unanswered = len(waiting)
    return measured


async def main() -> None:
    load = Load(**json.load(sys.stdin))
    if load.core is not None:
        os.sched_setaffinity(0, {load.core})
    began = time.perf_counter()
    chargers = await connect(load)
    connected_s = time.perf_counter() - began
    print("connected", flush=True)
    if load.once:
        answers = await asyncio.gather(*(charger.call(CallSource(load.kind, 0).next()) for charger in chargers))
        errors = sum(answer[1:2] != b"3" for answer in answers)
        print(json.dumps({"errors": errors, "answered_s": round(time.perf_counter() - began, 2)}))
        return
    ids: list[int | str] = [0 if load.kind == "MeterValues" else "none"] * len(chargers)
    if load.kind in ("MeterValues", "TransactionEvent") and load.transactions:
        ids = list(await asyncio.gather(*map(transaction, chargers)))
    all_messages = [CallSource(load.kind, transaction_id) for transaction_id in ids]
    measured = await (open_loop if load.every_s else closed_loop)(load, chargers, all_messages)
    latencies = sorted(measured.latencies_ms) or [0.0]
    print(
        json.dumps(
            {
                "calls": measured.calls,
                "errors": measured.errors,
                "unanswered": measured.unanswered,
                "calls_per_s": round(measured.calls / measured.seconds, 1),
                "p50_ms": round(latencies[len(latencies) // 2], 3),
                "p99_ms": round(latencies[int(len(latencies) * 0.99)], 3),
                "generator_busy": round(measured.busy, 3),
                "cpu_ms_per_1000": {
                    name: round(seconds / max(1, measured.calls) * 1e6, 1) for name, seconds in measured.cpu_s.items()
                },
                "connected_s": round(connected_s, 3),
                "bytes": len(all_messages[0].next()),
            }
        )
    )


if __name__ == "__main__":
    uvloop.run(main())
