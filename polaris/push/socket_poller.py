"""The sockets of all open streams in one epoll set, which reports those that closed and those that can take more.

Nothing is ever read from them. The loop is a greenlet under gevent, whose hub watches the epoll set as one file, and a
thread elsewhere.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from polaris.push import unpatched
from polaris.push.subscribers import Subscriber

CLOSED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
MAX_EVENTS = 512  # handled under the lock in one turn: without it, a mass reconnect would hold the lock for long


class SocketPoller:
    """A poller that calls `on_closed(subscriber)` and, once its rest is written, `on_writable`, both under the lock."""

    def __init__(
        self,
        lock: AbstractContextManager[Any],
        on_closed: Callable[[Subscriber], None],
        on_writable: Callable[[Subscriber], None],
    ) -> None:
        self._lock = lock
        self._on_closed = on_closed
        self._on_writable = on_writable
        self._epoll = unpatched.epoll()
        self._subscribers: dict[int, Subscriber] = {}

    def __len__(self) -> int:
        return len(self._subscribers)

    def subscribers(self) -> list[Subscriber]:
        return list(self._subscribers.values())

    def add(self, subscriber: Subscriber) -> None:
        """Watch a subscriber's socket: edge-triggered, so that it is registered once for its whole life."""
        self._subscribers[subscriber.fd] = subscriber
        self._epoll.register(subscriber.fd, CLOSED | select.EPOLLOUT | select.EPOLLET)

    def remove(self, subscriber: Subscriber) -> None:
        """Stop watching a subscriber's socket, and close it."""
        self._subscribers.pop(subscriber.fd, None)
        self._epoll.unregister(subscriber.fd)
        subscriber.close()

    def close(self) -> None:
        self._epoll.close()

    def poll(self, timeout_s: float) -> None:
        """Wait for events of the sockets, and handle them."""
        poll = select.poll()
        poll.register(self._epoll.fileno(), select.POLLIN)
        poll.poll(timeout_s * 1000)
        with self._lock:
            for fd, events in self._epoll.poll(0, MAX_EVENTS):
                subscriber = self._subscribers.get(fd)
                if subscriber is not None:
                    self._handle(subscriber, events)

    def _handle(self, subscriber: Subscriber, events: int) -> None:
        if events & CLOSED:
            self._on_closed(subscriber)
        elif subscriber.flush():
            self._on_writable(subscriber)
