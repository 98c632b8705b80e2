"""The web's connections, bounded by address and in all, so that slow clients hold neither memory nor places.

A connection waits until its request has arrived whole, and is answered after that. Beyond a bound the one that has
waited longest gives way; one that is answered gives way only if it is slow to read. It knows no server.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Browsers open six to a site. Without it, one client that sends or reads nothing would take up all places.
MAX_PER_NETWORK = 100
BURST_S = 2.0  # an address may have more for so long: without it, a crowd that connects at once would lose requests
WAITING_TIMEOUT_S = 30.0  # for a whole request, and between two; without it, half a request would stay for ever
ANSWER_TIMEOUT_S = 120.0  # to work an answer out and have it read; without it, one that is read bytewise would stay
SLOW_AFTER_S = 10.0  # an answer is ready and sent by then: what takes longer is read slowly

_more_time: ContextVar[Callable[[], None]] = ContextVar("more_time", default=lambda: None)


def give_more_time() -> None:
    """Give this greenlet's answer its whole time again: a piece of it was read, and the next one is to be sent."""
    _more_time.get()()


class Connection:
    """An open connection: `cut` ends it, whatever its greenlet waits for."""

    __slots__ = ("cut", "is_waiting", "network", "since")

    def __init__(self, network: Hashable, cut: Callable[[], None]) -> None:
        self.network, self.cut = network, cut
        self.is_waiting = True
        self.since = time.monotonic()


class _Group:
    """Connections in the order in which they began to wait or to be answered."""

    __slots__ = ("answered", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[Connection, None] = {}
        self.answered: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self.waiting) + len(self.answered)

    def __contains__(self, connection: Connection) -> bool:
        return connection in self.waiting or connection in self.answered

    def add(self, connection: Connection) -> None:
        (self.waiting if connection.is_waiting else self.answered)[connection] = None

    def discard(self, connection: Connection) -> None:
        self.waiting.pop(connection, None)
        self.answered.pop(connection, None)

    def to_give_way(self, now: float) -> Connection | None:
        """Return the connection that gives way to a new one, if any should."""
        oldest = next(iter(self.waiting), None)
        if oldest is None:
            oldest = next(iter(self.answered), None)
            if oldest is not None and now - oldest.since < SLOW_AFTER_S:
                return None
        return oldest


class Connections:
    """All connections of a process. Not thread-safe: its callers are greenlets of one thread."""

    def __init__(self, max_connections: int) -> None:
        self._max = max_connections
        self._all = _Group()
        self._by_network: defaultdict[Hashable, _Group] = defaultdict(_Group)

    def __len__(self) -> int:
        return len(self._all)

    @contextmanager
    def opened(self, network: Hashable, cut: Callable[[], None]) -> Iterator[Connection]:
        """Keep a connection for the time of a block. `network` is None if a proxy stands for many clients."""
        connection = Connection(network, cut)
        if len(self._all) >= self._max:
            self._make_room(self._all)
        self._add(connection)
        try:
            yield connection
        finally:
            self._discard(connection)

    @contextmanager
    def answering(self, connection: Connection) -> Iterator[None]:
        """Count a connection as answered for the time of a block."""
        self._turn(connection, is_waiting=False)
        token = _more_time.set(lambda: self._turn(connection, is_waiting=False))
        try:
            yield
        finally:
            _more_time.reset(token)
            self._turn(connection, is_waiting=True)

    @contextmanager
    def uncounted(self, connection: Connection) -> Iterator[None]:
        """Leave a connection out of all bounds for the time of a block: it neither waits nor has to be read by then."""
        if connection not in self._all:  # it has been cut
            yield
            return
        self._discard(connection)
        try:
            yield
        finally:
            connection.is_waiting, connection.since = True, time.monotonic()
            self._add(connection)

    def sweep(self) -> None:
        """Cut the connections whose time is up, and those that are too many of a network. Call it every second."""
        now = time.monotonic()
        for crowd in list(self._by_network.values()):
            self._trim(crowd, now)
        for group, timeout_s in ((self._all.waiting, WAITING_TIMEOUT_S), (self._all.answered, ANSWER_TIMEOUT_S)):
            for connection in list(group):
                if now - connection.since < timeout_s:
                    break
                self._cut(connection)

    def _trim(self, group: _Group, now: float) -> None:
        while len(group) > MAX_PER_NETWORK:
            connection = group.to_give_way(now)
            if connection is None or now - connection.since < BURST_S:
                return
            self._cut(connection)

    def _make_room(self, group: _Group) -> None:
        connection = group.to_give_way(time.monotonic())
        if connection is not None:
            self._cut(connection)

    def _cut(self, connection: Connection) -> None:
        self._discard(connection)
        connection.cut()

    def _turn(self, connection: Connection, *, is_waiting: bool) -> None:
        if connection in self._all:  # else it has been cut
            self._discard(connection)
            connection.is_waiting, connection.since = is_waiting, time.monotonic()
            self._add(connection)

    def _add(self, connection: Connection) -> None:
        self._all.add(connection)
        if connection.network is not None:
            self._by_network[connection.network].add(connection)

    def _discard(self, connection: Connection) -> None:
        self._all.discard(connection)
        group = self._by_network.get(connection.network)
        if group is not None:
            group.discard(connection)
            if not group:
                del self._by_network[connection.network]
