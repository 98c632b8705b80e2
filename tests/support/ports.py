"""Owns free ports."""

from __future__ import annotations

import random
import socket

# Below the range that outgoing connections take: a client that retries a stopped server's port there can, by chance,
# connect to itself and keep the server from coming back.
FIRST, LAST = 20_000, 32_000

_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on and that was not given out before."""
    while True:
        port = random.randint(FIRST, LAST)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
