"""Owns mail servers: a real one that refuses and breaks as it is told, and one that never says a line."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.support.certificates import Pair
from tests.support.ports import free_port

DROP = ""  # instead of an answer: the connection breaks


class MailServer:
    """A mail server for 127.0.0.1, from `start` to `stop`. `letters` are those that it has got, answered or not."""

    def __init__(self, scheme: str = "smtp+plain", pair: Pair | None = None, credentials: str = "") -> None:
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []  # as the envelope has them
        self.to_recipient = self.to_letter = "250 OK"
        self.is_hanging = False  # whether it answers no letter
        self.port = free_port()
        self.url = f"{scheme}://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}"
        self._credentials = credentials
        self._options: dict[str, Any] = {}
        if pair is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(pair.certificate, pair.key)
            is_from_start = scheme == "smtps"
            self._options = {"ssl_context": context} if is_from_start else {"tls_context": context}
            self._options["require_starttls"] = not is_from_start
        if credentials:
            self._options |= {"authenticator": self._authenticate, "auth_require_tls": False}
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **self._options)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _authenticate(self, *arguments: Any) -> AuthResult:
        given = arguments[-1]
        assert isinstance(given, LoginPassword)
        return AuthResult(success=b":".join(given) == self._credentials.encode(), handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._credentials and not session.authenticated:
            return "530 Authentication required"
        if self.to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
            self.recipients.append(address)
        return self.to_recipient

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=SMTP)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        while self.is_hanging:
            await asyncio.sleep(0.02)
        if self.to_letter == DROP:
            server.transport.abort()
        return self.to_letter


@contextmanager
def running(*arguments: Any, **options: Any) -> Iterator[MailServer]:
    server = MailServer(*arguments, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def dripping(letter: bytes = b"") -> Iterator[int]:
    """A server that sends nothing, or the same letter again and again and never a line; yield its port."""
    is_over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            client, _ = listener.accept()
            with client:
                while not is_over.wait(0.02):
                    client.sendall(letter)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        is_over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
