"""Frames are understood however the network cuts them, and a charger that does not listen is not listened to."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import weakref
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from ocpp_bridge import ocppj
from ocpp_bridge.connection.websocket import (
    MAX_ANSWER_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_WAITING,
    TOO_LONG,
    Socket,
    Timeouts,
)
from ocpp_bridge.connection.websocket_server import WebSocketServer
from ocpp_bridge.ocppj import Call
from ocpp_bridge.versions import lenient
from ocpp_bridge.versions.v2 import payloads as payloads_v2
from ocpp_bridge.versions.v2.handlers import V201
from ocpp_bridge.versions.v16 import payloads as payloads_v16
from ocpp_bridge.versions.v16.handlers import V16
from polaris.ingest.sanitize import fit_json, is_same_json
from tests.support.depot import Depot, until
from tests.support.wait import WITHIN_S
from tests.support.websockets import serving
from tests.support.wire import Wire, connected, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

PLENTY = 10_000  # messages, whose answers fit into no socket's buffers


def _url(server: WebSocketServer[None]) -> str:
    host, port = server.address
    return f"ws://{host}:{port}"


def heartbeat(message_id: object) -> bytes:
    return f'[2,"{message_id}","Heartbeat",{{}}]'.encode()


def _unfinished(opcode: Opcode) -> bytes:
    return Frame(opcode, b"", fin=False).serialize(mask=True)


@asynccontextmanager
async def wire(depot: Depot) -> AsyncIterator[Wire]:
    identity, address = depot.identity(), urlsplit(depot.url)
    async with connected(str(address.hostname), address.port or 0, identity) as charger:
        yield charger


@pytest.mark.field(45)
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 40, 1000])
async def test_frames_cut_anywhere(depot: Depot, piece: int) -> None:
    long = b'[2,"long","DataTransfer",{"vendorId":"%s"}]' % (b"v" * 300)
    fragments = [
        Frame(Opcode.TEXT, heartbeat("parts")[:5], fin=False).serialize(mask=True),
        Frame(Opcode.PING, b"?").serialize(mask=True),
        Frame(Opcode.CONT, heartbeat("parts")[5:]).serialize(mask=True),
    ]
    sent = b"".join([text(heartbeat(1)), text(long), *fragments, text(heartbeat(2)), text(heartbeat(3))])
    async with wire(depot) as charger:
        for at in range(0, len(sent), piece):
            charger.writer.write(sent[at : at + piece])
            await asyncio.sleep(0)
        heard = [await charger.frame() for _ in range(6)]
    assert (Opcode.PONG, b"?") in heard
    answers = [json.loads(payload)[1] for opcode, payload in heard if opcode == Opcode.TEXT]
    assert answers == ["1", "long", "parts", "2", "3"]


@pytest.mark.field(46)
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (text(b'[2,"\xff","Heartbeat",{}]'), 1007),
        (Frame(Opcode.TEXT, heartbeat(1)).serialize(mask=False), 1002),
        (Frame(Opcode.CONT, heartbeat(1)).serialize(mask=True), 1002),
        (bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big"), 1009),
        (_unfinished(Opcode.TEXT) + _unfinished(Opcode.CONT) * 2000, 1009),
        (text(b" " * (MAX_MESSAGE_BYTES + 1)), 1009),
    ],
    ids=["not UTF-8", "no mask", "a continuation of nothing", "endless", "in too many pieces", "too long unasked"],
)  # fmt: skip
async def test_protocol_violation_close_codes(depot: Depot, sent: bytes, code: int) -> None:
    async with wire(depot) as charger, depot.charger() as other:
        charger.writer.write(text(heartbeat(1)))
        assert await charger.answered() == "1"
        charger.writer.write(sent)
        assert await charger.close_code() == code
        await other.heartbeat()


def _fragmented(payload: bytes) -> bytes:
    half = len(payload) // 2
    parts = Frame(Opcode.TEXT, payload[:half], fin=False), Frame(Opcode.CONT, payload[half:])
    return b"".join(part.serialize(mask=True) for part in parts)


@pytest.mark.parametrize("sent", [text, _fragmented])
@pytest.mark.parametrize(
    ("size", "taken"), [(MAX_MESSAGE_BYTES + 1, 1), (MAX_ANSWER_BYTES, 1), (MAX_ANSWER_BYTES + 1, 0)]
)
async def test_one_long_message_for_what_was_asked(sent: Callable[[bytes], bytes], size: int, taken: int) -> None:
    sockets: list[Socket] = []
    lengths: list[int] = []

    async def handle(socket: Socket) -> None:
        sockets.append(socket)
        socket.expect_answer(True)
        socket.listen(lambda message: lengths.append(len(message)) is None)
        await socket.ended()

    listening = socket.create_server(("127.0.0.1", 0))
    async with serving(handle, listening=listening), connected(*listening.getsockname(), "") as charger:
        charger.writer.write(text(b"short") + sent(b"x" * size) + sent(b"y" * (MAX_MESSAGE_BYTES + 1)))
        assert await charger.close_code() == 1009
    assert lengths == [5, *[size] * taken]
    assert sockets[0].failure == TOO_LONG


@asynccontextmanager
async def flooding(handle: Callable[[Socket], Awaitable[None]], sockets: list[Socket]) -> AsyncIterator[Wire]:
    """A charger that has sent `PLENTY` messages and read no answer, until its socket can take no more."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # which its connections inherit
    async with serving(handle, listening=listening), connected(*listening.getsockname(), "") as charger:
        charger.writer.write(b"".join(text(b"%d" % number) for number in range(PLENTY)))
        await until(lambda: sockets and sockets[0].is_writing_paused)
        yield charger


@pytest.mark.field(46)
async def test_unread_answers_stop_reading() -> None:
    taken: list[str | bytes] = []
    sockets: list[Socket] = []

    async def handle(connection: Socket) -> None:
        def answer(message: str | bytes) -> bool:
            taken.append(message)
            connection.write(b"x" * 1000)
            return True

        sockets.append(connection)
        connection.listen(answer)
        await connection.ended()

    async with flooding(handle, sockets) as charger:
        assert len(taken) < PLENTY
        for _ in range(PLENTY):
            await charger.frame()
    assert taken == [str(number) for number in range(PLENTY)]


def ping(connection: Socket, ping_s: float) -> None:
    """Ping a connection from now on, whenever it is silent for so long."""
    connection.timeouts = Timeouts(ping_interval_s=ping_s, ping_timeout_s=ping_s, close_timeout_s=0.2)
    connection.start_keepalive()


@pytest.mark.field(66)
async def test_no_ping_timeout_while_not_reading() -> None:
    sockets: list[Socket] = []
    taken: list[str | bytes] = []

    async def handle(connection: Socket) -> None:
        sockets.append(connection)
        connection.listen(lambda message: bool(taken.append(message)))  # not done with, as where the database is away
        await connection.wait_closed()

    async with (
        serving(handle) as server,
        connect(_url(server), ping_interval=None) as charger,
    ):
        for number in range(2 * MAX_WAITING):
            await charger.send(str(number))
        await until(lambda: sockets and not sockets[0].transport.is_reading())
        ping(sockets[0], 0.1)
        looks: set[float] = set()  # each look counts as if the charger had been heard
        await until(lambda: looks.add(sockets[0]._received_at) or len(looks) > 5)
        assert charger.state is State.OPEN
        for number in range(2 * MAX_WAITING):
            await until(lambda number=number: len(taken) > number)  # type: ignore[misc]
            sockets[0].go_on()
        await until(lambda: sockets[0]._received_at > sockets[0]._pinged_at > 0)  # its pongs count again, and come
        assert charger.state is State.OPEN


@pytest.mark.field(66)
async def test_stalled_charger_cut_off() -> None:
    sockets: list[Socket] = []

    async def handle(connection: Socket) -> None:
        sockets.append(connection)
        connection.listen(lambda _: connection.write(b"x" * 1000) is not None)
        await connection.ended()

    async with flooding(handle, sockets) as charger:
        ping(sockets[0], 0.2)  # not before: it does not answer pings either
        await asyncio.wait_for(sockets[0].wait_closed(), WITHIN_S)
        charger.writer.transport.abort()


async def test_ended_connection_freed_at_once() -> None:
    """Cycles, which wait for the garbage collection, would hold the memory of all that reconnect in a storm."""
    ended: list[weakref.ref[Socket]] = []

    async def handle(connection: Socket) -> None:
        connection.listen(lambda _: True)
        await connection.ended()
        ended.append(weakref.ref(connection))

    gc.disable()
    try:
        async with serving(handle) as server:
            async with connect(_url(server)) as charger:
                await charger.send("hello")
            await until(lambda: ended and ended[0]() is None)
    finally:
        gc.enable()


_digits = st.text("0123456789eE+-.", min_size=1, max_size=30)


@given(_digits | st.sampled_from(["9" * 30, "9" * 5000, "1e999", "-1e5000", "NaN"]))
def test_numbers_alike_in_both_parsers(digits: str) -> None:
    message = f'[2,"id","StatusNotification",{{"connectorId":1,"status":"Available","custom":[{digits}]}}]'
    at_once = ocppj.decode(message, (2, 3, 4), V16.decoders) if _is_frame(message) else None
    if at_once is not None and at_once.request is not None:
        step_by_step = ocppj.decode(message, (2, 3, 4))
        assert isinstance(step_by_step, Call)
        assert dict(at_once.payload) == dict(step_by_step.payload)
        assert is_same_json(fit_json(at_once.payload), fit_json(step_by_step.payload))


def _is_frame(message: str) -> bool:
    try:
        return isinstance(ocppj.decode(message, (2, 3, 4)), Call)
    except ocppj.Unreadable:
        return False


_words = st.sampled_from(
    ["", "1", "1.5", "Wh", "Outlet", "true", "2026-11-23T10:00:00Z", "ö", "\N{GRINNING FACE}", "null"]
)
_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=2),
    max_leaves=4,
)


def _payloads(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: fields[name] | _values for name in fields})


_unit = _payloads(unit=_words, multiplier=st.integers(-15, 15))
_samples = st.lists(
    _payloads(value=st.integers() | st.floats(allow_nan=False) | _words, phase=_words, unit=_words, unitOfMeasure=_unit)
)
_meter_values = st.lists(_payloads(timestamp=_words, sampledValue=_samples), max_size=2)


@given(
    _payloads(connectorId=st.integers(-1, 2**40), transactionId=st.integers(), meterValue=_meter_values, vendor=_words)
)
def test_fast_path_equals_slow_path_v16(payload: dict[str, Any]) -> None:
    _agree("MeterValues", payload, V16.decoders, payloads_v16.MeterValues)


@given(
    _payloads(
        eventType=_words,
        timestamp=_words,
        seqNo=st.integers(-1, 2**40),
        offline=st.booleans(),
        transactionInfo=_payloads(transactionId=_words, chargingState=_words, stoppedReason=_words),
        evse=_payloads(id=st.integers(0, 1200), connectorId=st.integers(0, 3)),
        idToken=_payloads(idToken=_words, type=_words),
        meterValue=_meter_values,
    )
)
def test_fast_path_equals_slow_path_v201(payload: dict[str, Any]) -> None:
    _agree("TransactionEvent", payload, V201.decoders, payloads_v2.TransactionEvent)


def _agree(action: str, payload: dict[str, Any], decoders: Any, struct: Any) -> None:
    message = json.dumps([2, "id", action, payload], ensure_ascii=False)
    at_once, step_by_step = ocppj.decode(message, (2, 3, 4), decoders), ocppj.decode(message, (2, 3, 4))
    assert isinstance(at_once, Call)
    assert isinstance(step_by_step, Call)
    assert at_once.id == step_by_step.id
    if at_once.request is not None:
        assert at_once.request == lenient.read(step_by_step.payload, struct)
        assert dict(at_once.payload) == dict(step_by_step.payload)
