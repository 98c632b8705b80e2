"""Owns the browsers of a chaos test: event streams on raw sockets, each of which must never be cut off."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable

from flask import Flask

from polaris.config import Config
from polaris.domain.enums import AccountStatus, CardStatus, Role
from polaris.models import Account, EvCard, SignIn, blocking
from tests.support.cast import now

MAX_SILENCE_S = 20.0  # a stream shows every HEARTBEAT_S that it is alive
BUFFER = 1 << 16


class Audience:
    """Browsers that follow their drivers' lists of sessions. `complaints` says what one would have noticed."""

    def __init__(self, port: int, cookies: Iterable[str]) -> None:
        self._port, self._cookies = port, list(cookies)
        self._tasks: list[asyncio.Task[None]] = []
        self.complaints: list[str] = []
        self.bytes_taken = 0

    async def open(self) -> None:
        """Open all streams, and wait for their heads."""
        for cookie in self._cookies:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(_request("/live/sessions", self._port, cookie))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), MAX_SILENCE_S)
            assert head.startswith(b"HTTP/1.1 200 "), head
            self._tasks.append(asyncio.create_task(self._follow(len(self._tasks), reader, writer)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await asyncio.wait_for(reader.read(BUFFER), MAX_SILENCE_S):
                self.bytes_taken += len(data)
            self.complaints.append(f"stream {number} was cut")
        except (OSError, TimeoutError) as error:
            self.complaints.append(f"stream {number}: {error!r}")
        finally:
            writer.close()


@blocking
def add_drivers(config: Config, id_tags: Iterable[str]) -> list[str]:
    """Add a driver for each card, signed in on a device; return the cookies of their browsers."""
    return [_cookie(config, _signed_in_driver(id_tag)) for id_tag in id_tags]


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


def _cookie(config: Config, sign_in_id: str) -> str:
    """Sign the cookie that a browser has after signing in, see `web.auth` and Flask-Login."""
    app = Flask("cookies")
    app.secret_key = config.secret_key
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    signed: str = signer.dumps({"_permanent": True, "_user_id": sign_in_id, "_fresh": True})
    return f"polaris={signed}"


def _request(path: str, port: int, cookie: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n"
    return head.encode()
