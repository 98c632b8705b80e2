"""Places for connections: how many may be open, and how many of them may wait for their handshake.

Without bounds, connections that send nothing use up the process's files, and then nothing else works: no charger, no
database, no health check. A waiting connection is worth nothing until its request has come, which takes a moment; so
if there are too many, the one that has waited longest is closed, and a newcomer is hardly ever refused.
"""

from __future__ import annotations

from contextlib import suppress
from socket import SHUT_RDWR, socket

from polaris.bounded_log import bounded
from polaris.domain.addresses import network

MAX_WAITING = 10_000  # each has buffers and a timer; without it, a flood would fill the memory where files are plenty
MAX_WAITING_PER_NETWORK = 5000  # thousands of chargers behind one address, or one test, may come back in a second
FULL = 0.9  # of the connections; beyond it, the log warns while there still is room

log = bounded(__name__)


class Place:
    """The place of one connection, from `Places.take` to `free`. It waits for a handshake, until `keep`."""

    __slots__ = ("_connection", "_is_free", "_places", "network")

    def __init__(self, places: Places, connection: socket, client: str) -> None:
        self._places, self._connection, self.network = places, connection, client
        self._is_free = False

    def wait(self) -> None:
        """Let the connection be closed if too many wait: nothing has come from it yet, or it was refused."""
        if not self._is_free:
            self._places.add_waiting(self)

    def keep(self) -> None:
        """Keep the connection: its request is being answered, or it was admitted."""
        self._places.remove_waiting(self)

    def free(self) -> None:
        """Give the place up, once."""
        self._places.remove_waiting(self)
        if not self._is_free:
            self._is_free = True
            self._places.taken -= 1

    def close(self) -> None:
        """End the connection at once, whatever uses its socket; that sees an end of the stream."""
        self.free()
        with suppress(OSError):
            self._connection.shutdown(SHUT_RDWR)


class Places:
    """All places of a process. Without `has_addresses`, since a proxy has all connections, no address has a bound."""

    def __init__(self, max_connections: int, *, has_addresses: bool = True) -> None:
        self._max = max(1, max_connections)
        self._max_waiting = min(MAX_WAITING, max(1, self._max // 2))
        self._max_per_network = min(MAX_WAITING_PER_NETWORK, max(1, self._max // 4))
        self._has_addresses = has_addresses
        self._waiting: dict[Place, None] = {}  # the longest waiting first
        self._by_network: dict[str, dict[Place, None]] = {}
        self.taken = 0

    def take(self, connection: socket, address: str) -> Place | None:
        """Return a place for a new connection, which waits there; None if all are taken by admitted ones."""
        if self.taken >= self._max * FULL:
            log.warning("%d of at most %d connections are open: raise the limit of open files", self.taken, self._max)
        if self.taken >= self._max and not self._waiting:
            return None
        if self.taken >= self._max:
            self._close_longest(self._waiting)
        place = Place(self, connection, network(address) if self._has_addresses else "")
        self.taken += 1
        place.wait()
        return place

    def close_waiting(self) -> None:
        """End all connections that wait."""
        for place in list(self._waiting):
            place.close()

    def add_waiting(self, place: Place) -> None:
        """Let a place wait, and close the longest waiting beyond the bounds."""
        self._waiting[place] = None
        neighbours = self._by_network.setdefault(place.network, {})
        neighbours[place] = None
        if self._has_addresses and len(neighbours) > self._max_per_network:
            self._close_longest(neighbours)
        if len(self._waiting) > self._max_waiting:
            self._close_longest(self._waiting)

    def remove_waiting(self, place: Place) -> None:
        """Let a place wait no longer, if it does."""
        if place not in self._waiting:
            return
        del self._waiting[place]
        neighbours = self._by_network[place.network]
        del neighbours[place]
        if not neighbours:
            del self._by_network[place.network]

    def _close_longest(self, places: dict[Place, None]) -> None:
        place = next(iter(places))
        log.warning(
            "%d connections wait for their handshake, %d of them from %s: the longest waiting is closed",
            len(self._waiting),
            len(self._by_network[place.network]),
            place.network or "proxies",
        )
        place.close()
