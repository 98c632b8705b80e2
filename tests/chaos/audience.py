"""Owns the browsers of a chaos test: event streams on raw sockets, each of which must never be cut off."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Iterable
from contextlib import closing
from typing import TypeVar

from polaris.config import Config
from polaris.domain.enums import AccountStatus, CardStatus, Role
from polaris.models import Account, EvCard, SignIn, blocking
from tests.support import cookies
from tests.support.cast import now
from tests.support.depot import until

T = TypeVar("T")

MAX_SILENCE_S = 20.0  # a stream shows every HEARTBEAT_S that it is alive
OPENED_WITHIN_S = 60.0
RECONNECT_INTERVAL_S = 1.0
BUFFER = 1 << 16
MAX_COMPLAINTS = 100


class Audience:
    """Browsers that follow their drivers' lists of sessions. `complaints` says what one would have noticed.

    With `reconnects` a stream that was cut is opened again, as a page does, and counted.
    """

    def __init__(self, port: int, cookies: Iterable[str], *, reconnects: bool = False) -> None:
        self._port, self._cookies, self._reconnects = port, list(cookies), reconnects
        self._tasks: list[asyncio.Task[None]] = []
        self._open = 0
        self.complaints: deque[str] = deque(maxlen=MAX_COMPLAINTS)
        self.reopened = 0

    @property
    def is_complete(self) -> bool:
        """Whether every stream is open."""
        return self._open == len(self._cookies)

    async def open(self) -> None:
        """Open all streams, and wait for their heads."""
        self._tasks = [asyncio.create_task(self._follow(cookie)) for cookie in self._cookies]
        await until(lambda: self.is_complete or self.complaints, timeout_s=OPENED_WITHIN_S)
        assert not self.complaints, self.complaints

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, cookie: str) -> None:
        while True:
            try:
                await self._stream(cookie)
            except (OSError, EOFError, TimeoutError) as error:
                self.complaints.append(f"a stream ended: {error!r}")
            if not self._reconnects:
                return
            self.reopened += 1
            await asyncio.sleep(RECONNECT_INTERVAL_S)

    async def _stream(self, cookie: str) -> None:
        """Read a stream until it is cut or silent."""
        reader, writer = await _in_time(asyncio.open_connection("127.0.0.1", self._port))
        with closing(writer):
            writer.write(_request("/live/sessions", self._port, cookie))
            head = await _in_time(reader.readuntil(b"\r\n\r\n"))
            if not head.startswith(b"HTTP/1.1 200 "):
                raise OSError(head[:100])
            self._open += 1
            try:
                while await _in_time(reader.read(BUFFER)):
                    pass
                raise EOFError
            finally:
                self._open -= 1


async def _in_time(reading: Awaitable[T]) -> T:
    """Wait for it. Python 3.11's `wait_for` would lose a cancellation that comes together with the result."""
    async with asyncio.timeout(MAX_SILENCE_S):
        return await reading


@blocking
def add_drivers(config: Config, id_tags: Iterable[str]) -> list[str]:
    """Add a driver for each card, signed in on a device; return the cookies of their browsers."""
    return [cookies.signed(config, _signed_in_driver(id_tag)) for id_tag in id_tags]


def _signed_in_driver(id_tag: str) -> str:
    at = now()
    account = Account.create(
        email=f"{id_tag.lower()}@example.com",
        role=Role.DRIVER,
        status=AccountStatus.ACTIVE,
        password_hash="",
        created_at=at,
    )
    EvCard.create(account=account, id_tag=id_tag, status=CardStatus.ACTIVE, created_at=at)
    return str(
        SignIn.create(id=secrets.token_urlsafe(32), account=account, user_agent="", created_at=at, last_seen_at=at).id
    )


def _request(path: str, port: int, cookie: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n"
    return head.encode()
