"""The sockets of all open pages in one epoll set: it tells which were closed and which can take more. It never reads.

Its loop is a greenlet under gevent, whose hub watches the epoll set as one file, and a thread elsewhere.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from polaris.push import native
from polaris.push.subscriber import Subscriber

CLOSED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
AT_ONCE = 512


class SocketPoller:
    """`on_closed(page)` and `on_free(page)` are called under the lock, the latter when all that was left is out."""

    def __init__(
        self,
        lock: AbstractContextManager[Any],
        on_closed: Callable[[Subscriber], None],
        on_free: Callable[[Subscriber], None],
    ) -> None:
        self._lock = lock
        self._on_closed = on_closed
        self._on_free = on_free
        self._epoll = native.epoll()
        self._pages: dict[int, Subscriber] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def pages(self) -> list[Subscriber]:
        return list(self._pages.values())

    def add(self, page: Subscriber) -> None:
        """Watch a page's socket. Edge-triggered, so that one registration does for its whole life."""
        self._pages[page.fd] = page
        self._epoll.register(page.fd, CLOSED | select.EPOLLOUT | select.EPOLLET)

    def remove(self, page: Subscriber) -> None:
        """Close a page's socket, which takes it out of the set."""
        self._pages.pop(page.fd, None)
        self._epoll.unregister(page.fd)
        page.close()

    def close(self) -> None:
        self._epoll.close()

    def turn(self, timeout_s: float) -> None:
        """Wait for news of the sockets, and pass it on."""
        poll = select.poll()
        poll.register(self._epoll.fileno(), select.POLLIN)
        poll.poll(timeout_s * 1000)
        with self._lock:
            for fd, events in self._epoll.poll(0, AT_ONCE):
                page = self._pages.get(fd)
                if page is not None:
                    self._take(page, events)

    def _take(self, page: Subscriber, events: int) -> None:
        if events & CLOSED:
            self._on_closed(page)
        elif page.flush():
            self._on_free(page)
