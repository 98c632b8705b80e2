"""HTTP as bytes on a socket: what no well-behaved client would send, and answers as they came."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from urllib.parse import urlsplit

ANSWERED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=ANSWERED_WITHIN_S)


def request(*lines: str, body: bytes = b"") -> bytes:
    """The bytes of a request, each character of its head as one byte; its connection is closed after the answer."""
    return "".join(f"{line}\r\n" for line in (*lines, "Connection: close", "")).encode("latin-1") + body


def exchange(url: str, sent: bytes) -> Answer:
    """Send bytes on a connection of their own; return the answer."""
    with connect(url) as connection:
        connection.sendall(sent)
        return receive(connection)


def receive(connection: socket.socket) -> Answer:
    """Read an answer up to the end of its connection."""
    head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    status, _, headers = head.partition(b"\r\n")
    return Answer(int(status.split()[1]), dict(BytesHeaderParser().parsebytes(headers)), body)
