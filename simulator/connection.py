"""A charger's side of OCPP-J, the same for every Action: a WebSocket that reconnects, and CALLs in both directions."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import ssl
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

CALL, CALLRESULT, CALLERROR = 2, 3, 4
MAX_FRAMES_KEPT = 1000
SUBPROTOCOLS = ("ocpp1.6",)

log = logging.getLogger(__name__)

Payload = dict[str, Any]


class CallFailed(Exception):
    """The other side answered with a CALLERROR."""

    def __init__(self, code: str, description: str, details: object) -> None:
        super().__init__(f"{code}: {description}")
        self.code, self.description, self.details = code, description, details


class Disconnected(Exception):
    """The connection ended before the answer came."""


def log_failure(done: asyncio.Future[Any]) -> None:
    """Log the exception of a task or future that nothing awaits."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("%r", error)


class ChargerConnection:
    """A connection that reconnects. `answer` is called with each incoming CALL: action, payload, message id."""

    def __init__(
        self,
        url: str,
        identity: str,
        key: str | bytes | None,
        answer: Callable[[str, Payload, str], Awaitable[None]],
        *,
        subprotocols: tuple[str, ...] = SUBPROTOCOLS,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        reconnects: bool = True,
        min_pause_s: float = 0.1,
        max_pause_s: float = 30.0,
        call_timeout_s: float = 30.0,
    ) -> None:
        self.url = f"{url.rstrip('/')}/{quote(identity, safe='')}"
        self.reconnects, self.call_timeout_s = reconnects, call_timeout_s
        self.frames: deque[tuple[str, str | bytes]] = deque(maxlen=MAX_FRAMES_KEPT)  # ("sent" or "received", text)
        self.connected = asyncio.Event()
        self.close_code: int | None = None
        self.subprotocol = ""  # chosen by the server
        self._identity = identity
        self._headers = dict(headers or {})
        if key is not None:
            self.change_key(key)
        self._tls = tls
        self._subprotocols = [*subprotocols] or None
        self._pauses = min_pause_s, max_pause_s
        self._answer = answer
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._call_lock = asyncio.Lock()
        self._unanswered: dict[str, asyncio.Future[Payload]] = {}

    async def open(self) -> None:
        """Connect, or raise at the first failure. Once connected it reconnects."""
        await self._connect()
        self._start_task()

    async def open_eventually(self) -> None:
        """Connect, retrying until it succeeds."""
        await self._reconnect()
        self._start_task()

    def change_key(self, key: str | bytes) -> None:
        """Use this key from the next connection on."""
        password = key.encode() if isinstance(key, str) else key
        credentials = base64.b64encode(self._identity.encode() + b":" + password).decode()
        self._headers["Authorization"] = f"Basic {credentials}"

    async def close(self) -> None:
        """Close the connection and do not reconnect."""
        self.reconnects = False
        if self._socket is not None:
            await self._socket.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail_unanswered()

    def drop(self) -> None:
        """Abort the connection without a closing handshake, as a bad network does."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the present connection has ended and `connected` is cleared."""
        socket, task = self._socket, self._task
        if socket is not None:
            await socket.wait_closed()
            while self._socket is socket and self.connected.is_set() and task is not None and not task.done():
                await asyncio.sleep(0)  # until `_listen` has noticed

    async def call(self, action: str, payload: Payload, message_id: str = "") -> Payload:
        """Send a CALL and return its result. Raise `CallFailed`, `Disconnected` or TimeoutError.

        A retry may pass the message id of the first attempt.
        """
        async with self._call_lock:
            message_id = message_id or str(uuid.uuid4())
            return await self.exchange(message_id, json.dumps([CALL, message_id, action, payload]))

    async def exchange(self, message_id: str, frame: str) -> Payload:
        """Send a CALL that is encoded already and return its result. Raise as `call` does."""
        answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
        self._unanswered[message_id] = answer
        try:
            await self.send_raw(frame)
            async with asyncio.timeout(self.call_timeout_s):
                return await answer
        finally:
            self._unanswered.pop(message_id, None)

    async def send_raw(self, frame: str | bytes) -> None:
        """Send any frame. Raise `Disconnected` if there is no connection."""
        socket = self._socket
        if socket is None or not self.connected.is_set():
            raise Disconnected
        self.frames.append(("sent", frame))
        try:
            await socket.send(frame)
        except ConnectionClosed:
            if socket is self._socket:
                self.connected.clear()  # a retry must wait for `_listen`, which may not have run yet
            raise Disconnected from None

    async def send_result(self, message_id: str, payload: Payload) -> None:
        await self.send_raw(json.dumps([CALLRESULT, message_id, payload]))

    async def send_error(
        self, message_id: str, code: str, description: str = "", details: Mapping[str, str] | None = None
    ) -> None:
        await self.send_raw(json.dumps([CALLERROR, message_id, code, description, details or {}]))

    def _start_task(self) -> None:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(log_failure)

    async def _connect(self) -> None:
        self._socket = await connect(
            self.url,
            subprotocols=self._subprotocols,  # type: ignore[arg-type]
            additional_headers=self._headers,
            ssl=self._tls,
            compression=None,
            proxy=None,
        )
        self.subprotocol = self._socket.subprotocol or ""
        self.connected.set()

    async def _run(self) -> None:
        while True:
            await self._listen()
            if not self.reconnects:
                return
            await self._reconnect()

    async def _listen(self) -> None:
        assert self._socket is not None
        try:
            async for frame in self._socket:
                self.frames.append(("received", frame))
                await self._handle_frame(json.loads(frame))
        except (ConnectionClosed, Disconnected):
            log.debug("%s: connection lost", self.url)
        self.close_code = self._socket.close_code
        self._fail_unanswered()

    async def _reconnect(self) -> None:
        pause_s, max_pause_s = self._pauses
        while True:
            try:
                await self._connect()
                return
            except (OSError, TimeoutError, InvalidHandshake) as error:
                log.debug("%s: %s", self.url, error)
            await asyncio.sleep(random.uniform(pause_s / 2, pause_s))
            pause_s = min(pause_s * 2, max_pause_s)

    def _fail_unanswered(self) -> None:
        self.connected.clear()
        for answer in self._unanswered.values():
            if not answer.done():
                answer.set_exception(Disconnected())

    async def _handle_frame(self, frame: list[Any]) -> None:
        if frame[0] == CALL:
            await self._answer(frame[2], frame[3], frame[1])
            return
        answer = self._unanswered.get(frame[1])
        if answer is None or answer.done():
            return
        if frame[0] == CALLRESULT:
            answer.set_result(frame[2])
        else:
            answer.set_exception(CallFailed(*frame[2:5]))
