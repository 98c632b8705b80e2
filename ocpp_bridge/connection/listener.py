"""Listening sockets: each new connection takes a place before anything is read from it, its TLS handshake included.

`loop.create_server` would tell of a connection only once that is done, and so could bound nothing.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence

from ocpp_bridge.connection.places import Place, Places
from polaris.bounded_log import bounded

MAX_ACCEPTS = 32  # in a turn of the loop; those accepted before get the next turn, or a storm's handshakes would wait
PAUSE_S = 0.1  # after the system had no file for a connection; without it the loop would spin
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = bounded(__name__)


async def bind(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Listen on a port of each address of a host. Raise OSError if the port is taken."""
    infos = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(infos):
            sockets.append(socket.create_server(address, family=family, backlog=backlog))
    except OSError:
        close_all(sockets)
        raise
    return sockets


def close_all(sockets: Sequence[socket.socket]) -> None:
    for listening in sockets:
        listening.close()


class Listener:
    """Listening sockets, from its creation to `close`. `accepted` gets each connection with its place."""

    def __init__(
        self, sockets: Sequence[socket.socket], places: Places, accepted: Callable[[socket.socket, Place], None]
    ) -> None:
        self.sockets = sockets
        self._places, self._accepted = places, accepted
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        for listening in sockets:
            listening.setblocking(False)
            self._resume(listening)

    def close(self) -> None:
        """Accept no more connections."""
        self._is_closed = True
        for listening in self.sockets:
            self._loop.remove_reader(listening.fileno())
        close_all(self.sockets)

    def _resume(self, listening: socket.socket) -> None:
        if not self._is_closed:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(MAX_ACCEPTS):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                log.error("No connection can be accepted: %s", error.strerror)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(PAUSE_S, self._resume, listening)
                return
            self._take(connection, address[0])

    def _take(self, connection: socket.socket, address: str) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # it is gone already
            connection.close()
            return
        place = self._places.take(connection, address)
        if place is None:
            log.error("A connection from %s was refused: all files are in use", address)
            connection.close()
            return
        self._accepted(connection, place)
