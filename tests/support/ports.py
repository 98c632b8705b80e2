"""Owns free ports."""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator

# Below the range that outgoing connections take: a client that retries a stopped server's port there can, by chance,
# connect to itself and keep the server from coming back.
FIRST, LAST = 20_000, 32_000


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on and that was not given out lately, nor by another worker."""
    return next(port for port in _ports if _is_free(port))


def _own() -> Iterator[int]:
    """This worker's share, again and again: a port that is given out is bound a moment later, by another process."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = range(FIRST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), LAST, workers)
    begin = random.randrange(len(mine))  # another run may be going on beside this one
    return itertools.cycle([*mine[begin:], *mine[:begin]])


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


_ports = _own()
