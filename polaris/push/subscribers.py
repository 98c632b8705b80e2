"""Subscriptions to topics, their audiences, and the subscribers: one open stream each. No subscriber has a queue."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from time import monotonic

from polaris.domain.viewer import Viewer
from polaris.push import unpatched
from polaris.push.topic import WHOLE, Change, Topic
from polaris.rendering.fragments import Fragments

CLOSED = -1
_NOTHING = memoryview(b"")


class Subscription:
    """A topic with its subscribers, and its changes since it was last read."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.audiences: dict[Viewer, Audience] = {}
        self.changes: set[Change] = set()
        self.changes_at: datetime | None = None  # when time alone will change it
        self.is_queued = False
        self.next_read_at = 0.0  # the earliest, on the monotonic clock
        self.read_whole_at = monotonic()

    def audience(self, viewer: Viewer) -> Audience:
        if viewer not in self.audiences:
            self.audiences[viewer] = Audience(self, viewer)
        return self.audiences[viewer]

    def add(self, subscriber: Subscriber) -> None:
        """Let a subscriber wait for a snapshot."""
        subscriber.audience.waiting.add(subscriber)
        self.changes.add(WHOLE)

    def move(self, subscriber: Subscriber, viewer: Viewer) -> None:
        """Show a subscriber the pages of another viewer from now on."""
        self.discard(subscriber)
        subscriber.audience = self.audience(viewer)
        self.add(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        audience = subscriber.audience
        audience.live.discard(subscriber)
        audience.waiting.discard(subscriber)
        if not audience.live and not audience.waiting:
            del self.audiences[audience.viewer]


class Audience:
    """The subscribers of a topic that see the same. Those waiting get the next snapshot, those live only changes.

    Only the hash of each shown fragment is kept: the fragments themselves would be most of a stream's memory.
    """

    __slots__ = ("_shown", "live", "subscription", "viewer", "waiting")

    def __init__(self, subscription: Subscription, viewer: Viewer) -> None:
        self.subscription = subscription
        self.viewer = viewer
        self.live: set[Subscriber] = set()
        self.waiting: set[Subscriber] = set()
        self._shown: dict[str, int] = {}

    def show(self, fragments: Fragments, *, is_whole: bool) -> Fragments:
        """Record fragments as shown; return those that differ from what was shown before."""
        hashes = {root_id: hash(html) for root_id, html in fragments.items()}
        changed = {root_id: fragments[root_id] for root_id, new in hashes.items() if self._shown.get(root_id) != new}
        self._shown = hashes if is_whole else self._shown | hashes
        return changed


class Subscriber:
    """One open stream: its socket, its audience, and the rest of an event that its socket took only in part.

    Until the rest is written, nothing else is. Events missed meanwhile are not kept: a snapshot follows.
    """

    __slots__ = ("account_channel", "audience", "blocked_at", "fd", "has_missed", "rest", "sign_in_id")

    def __init__(self, fd: int, audience: Audience, account_channel: str, sign_in_id: str) -> None:
        self.fd = fd
        self.audience = audience
        self.account_channel = account_channel
        self.sign_in_id = sign_in_id
        self.rest: memoryview | None = None
        self.blocked_at = 0.0  # when its socket last took something, on the monotonic clock, while there is a rest
        self.has_missed = False

    @property
    def is_open(self) -> bool:
        return self.fd != CLOSED

    def flush(self) -> bool:
        """Write the rest; return whether this completed it."""
        if self.rest is None:
            return False
        try:
            written = os.write(self.fd, self.rest)
        except OSError:  # full again, or closed, which epoll reports
            return False
        self.blocked_at = monotonic()
        self.rest = self.rest[written:] or None
        return self.rest is None

    def close(self) -> None:
        """Close the socket. The kernel may reuse its number at once, so the number is forgotten first."""
        fd, self.fd = self.fd, CLOSED
        if fd != CLOSED:
            unpatched.close(fd)


def write(subscribers: Iterable[Subscriber], event: bytes) -> None:
    """Write an event to each subscriber without waiting; a full socket keeps the rest of it, or misses it.

    Every push to every browser passes through this loop.
    """
    size = len(event)
    write_fd = os.write
    for subscriber in subscribers:
        if subscriber.rest is not None:
            subscriber.has_missed = True
            continue
        try:
            written = write_fd(subscriber.fd, event)
        except BlockingIOError:
            written = 0
        except OSError:  # closed: by the browser, which epoll reports, or by the hub
            continue
        if written != size:
            subscriber.blocked_at = monotonic()
            subscriber.rest = memoryview(event)[written:] if written else _NOTHING
            subscriber.has_missed = not written
