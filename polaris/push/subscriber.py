"""One open page: its socket, who looks, and what its socket has not taken yet. A few words of memory, and no queue."""

from __future__ import annotations

import os
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING

from polaris.push import native

if TYPE_CHECKING:
    from polaris.push.subscribers import Audience

CLOSED = -1
_NOTHING = memoryview(b"")


class Subscriber:
    """`rest` is what is left of the one event that its socket took a part of; until it is out, nothing else is written.

    What the page misses meanwhile is not kept: it gets a snapshot afterwards.
    """

    __slots__ = ("account", "audience", "fd", "has_missed", "rest", "sign_in_id", "stuck_at")

    def __init__(self, fd: int, audience: Audience, account: str, sign_in_id: str) -> None:
        self.fd = fd
        self.audience = audience
        self.account = account  # its Redis channel
        self.sign_in_id = sign_in_id
        self.rest: memoryview | None = None
        self.stuck_at = 0.0  # on the monotonic clock: when its socket last took something, while there is a rest
        self.has_missed = False

    @property
    def is_open(self) -> bool:
        return self.fd != CLOSED

    def flush(self) -> bool:
        """Write what is left; return whether there was some and all of it is out now."""
        if self.rest is None:
            return False
        try:
            taken = os.write(self.fd, self.rest)
        except OSError:  # full again, or closed, which epoll tells
            return False
        self.stuck_at = monotonic()
        self.rest = self.rest[taken:] or None
        return self.rest is None

    def close(self) -> None:
        """Close its socket. The kernel gives the number to the next one, so it is forgotten first."""
        fd, self.fd = self.fd, CLOSED
        if fd != CLOSED:
            native.close(fd)


def write(pages: Iterable[Subscriber], event: bytes) -> None:
    """Write an event to each page whose socket takes it; the others note what is left of it, or that they missed it.

    Never waits. This is the one loop that every change goes through to every browser.
    """
    size = len(event)
    put = os.write
    for page in pages:
        if page.rest is not None:
            page.has_missed = True
            continue
        try:
            taken = put(page.fd, event)
        except BlockingIOError:
            taken = 0
        except OSError:  # closed: by the other side, which epoll tells, or by us
            continue
        if taken != size:
            page.stuck_at = monotonic()
            page.rest = memoryview(event)[taken:] if taken else _NOTHING
            page.has_missed = not taken
