"""Subscriptions to topics, their audiences, and the subscribers: one open stream of any number of topics each.

No subscriber has a queue.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from polaris.domain.viewer import Viewer
from polaris.push import unpatched
from polaris.push.topic import WHOLE, Change, Topic
from polaris.rendering.fragments import AnyFragments, Fragments

CLOSED = -1
_NOTHING = memoryview(b"")


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that opens a stream: its network address, its signed-in device and that device's account."""

    address: str
    sign_in_id: str
    account_id: int
    viewer: Viewer


class Subscription:
    """A topic with its subscribers, and its changes since it was last read. Its number marks its events."""

    def __init__(self, number: int, topic: Topic) -> None:
        self.number = number
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


class Audience:
    """The subscribers of a topic that see the same. Those waiting get the next snapshot, those live only changes.

    Only the hash or the mark of each shown fragment is kept: the fragments themselves would be most of a stream's
    memory.
    """

    __slots__ = ("_shown", "live", "subscription", "viewer", "waiting")

    def __init__(self, subscription: Subscription, viewer: Viewer) -> None:
        self.subscription = subscription
        self.viewer = viewer
        self.live: set[Subscriber] = set()
        self.waiting: set[Subscriber] = set()
        self._shown: dict[str, int] = {}

    def add(self, subscriber: Subscriber) -> None:
        """Let a subscriber wait for a snapshot."""
        self.live.discard(subscriber)
        self.waiting.add(subscriber)
        self.subscription.changes.add(WHOLE)

    def discard(self, subscriber: Subscriber) -> None:
        self.live.discard(subscriber)
        self.waiting.discard(subscriber)
        if not self.live and not self.waiting:
            del self.subscription.audiences[self.viewer]

    def show(self, fragments: AnyFragments, *, is_whole: bool, is_news: bool = False) -> Fragments:
        """Record fragments as shown; return the HTML of those that differ from what was shown before.

        With news, none that is deferred is taken for what is shown: the answer to a click may have replaced it.
        """
        shown: dict[str, int] = {}
        changed: Fragments = {}
        for root_id, fragment in fragments.items():
            parts = {} if isinstance(fragment, str) else fragment.parts
            shown[root_id] = hash(fragment) if isinstance(fragment, str) else fragment.mark
            shown.update((part_id, part.mark) for part_id, part in parts.items())
            if self._shown.get(root_id) != shown[root_id] or (is_news and not isinstance(fragment, str)):
                changed[root_id] = str(fragment)
                continue
            for part_id, part in parts.items():
                if self._shown.get(part_id) != part.mark:
                    changed[part_id] = part.after(self._shown.get(part_id))
        self._shown = shown if is_whole else self._shown | shown
        return changed


class Subscriber:
    """One open stream: its socket, its audiences, and the rest of an event that its socket took only in part.

    Until the rest is written, nothing else is. Events missed meanwhile are not kept: snapshots follow.
    """

    __slots__ = (
        "account_channel",
        "audiences",
        "blocked_at",
        "browser",
        "fd",
        "has_missed",
        "number",
        "rest",
        "viewer",
    )

    def __init__(self, number: int, fd: int, browser: Browser, account_channel: str) -> None:
        self.number = number  # the older one of two streams has the lower
        self.fd = fd
        self.browser = browser
        self.viewer = browser.viewer  # as it is now: the account's status may change while the stream is open
        self.account_channel = account_channel
        self.audiences: list[Audience] = []
        self.rest: memoryview | None = None
        self.blocked_at = 0.0  # when its socket last took something, on the monotonic clock, while there is a rest
        self.has_missed = False

    @property
    def is_open(self) -> bool:
        return self.fd != CLOSED

    @property
    def channels(self) -> set[str]:
        """The Redis channels that it needs."""
        topics = (audience.subscription.topic for audience in self.audiences)
        return {self.account_channel}.union(*(topic.channels for topic in topics))

    def watch(self, subscription: Subscription) -> None:
        """Wait for a snapshot of a topic, and for its changes from then on."""
        self.audiences.append(subscription.audience(self.viewer))
        self.audiences[-1].add(self)

    def become(self, viewer: Viewer) -> None:
        """Watch the same topics as another viewer from now on."""
        audiences, self.audiences, self.viewer = self.audiences, [], viewer
        for audience in audiences:
            audience.discard(self)
            self.watch(audience.subscription)

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
