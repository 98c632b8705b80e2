"""The open streams of the process by account and by address: how many each may have, and which stream yields.

A browser needs one stream, which its tabs share. The bounds stop one account, or one network, from using up the files
of the process; no person meets them by opening tabs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from typing import TypeVar

from polaris import pubsub
from polaris.push.subscribers import Browser, Subscriber
from polaris.push.topic import Topic

# Over all its streams, each topic once: it is read and rendered at regular intervals, for whoever watches it.
MAX_TOPICS_PER_ACCOUNT = 200

K = TypeVar("K")
V = TypeVar("V")


class OpenStreams:
    """The open streams. At a bound, a new stream takes the place of an older one."""

    def __init__(self, max_per_account: int, max_per_address: int) -> None:
        self._max_per_account = max_per_account
        self._max_per_address = max_per_address
        self._by_account: defaultdict[str, set[Subscriber]] = defaultdict(set)  # by its channel
        self._by_address: defaultdict[str, set[Subscriber]] = defaultdict(set)

    def __bool__(self) -> bool:
        return bool(self._by_account or self._by_address)

    def add(self, subscriber: Subscriber) -> None:
        self._by_account[subscriber.account_channel].add(subscriber)
        self._by_address[subscriber.browser.address].add(subscriber)

    def discard(self, subscriber: Subscriber) -> None:
        discard(self._by_account, subscriber.account_channel, subscriber)
        discard(self._by_address, subscriber.browser.address, subscriber)

    def of_account(self, channel: str) -> Collection[Subscriber]:
        return self._by_account.get(channel, ())

    def yielding(self, browser: Browser, topics: Iterable[Topic]) -> Subscriber | None:
        """Return the stream that has to yield before a browser may open one of some topics, None if there is room.

        Within an account, the device with the most streams (or topics) yields its oldest; within an address, the
        account with the most. So whoever opens many displaces its own, and a person with one stream keeps it.
        """
        of_account = self.of_account(pubsub.account_channel(browser.account_id))
        if len(of_account) >= self._max_per_account:
            return _oldest_of_most(of_account, lambda stream: stream.browser.sign_in_id)
        if of_account and len({*topics, *_topics(of_account)}) > MAX_TOPICS_PER_ACCOUNT:
            return _oldest_of_most(
                of_account, lambda stream: stream.browser.sign_in_id, lambda stream: len(stream.audiences)
            )
        of_address = self._by_address.get(browser.address, ())
        if len(of_address) >= self._max_per_address:
            return _oldest_of_most(of_address, lambda stream: stream.browser.account_id)
        return None


def _topics(streams: Iterable[Subscriber]) -> Iterator[Topic]:
    return (audience.subscription.topic for stream in streams for audience in stream.audiences)


def _oldest_of_most(
    streams: Collection[Subscriber],
    owner: Callable[[Subscriber], Hashable],
    amount: Callable[[Subscriber], int] = lambda _: 1,
) -> Subscriber:
    """Return the oldest stream of the owner with the most; of several such owners, the oldest of all."""
    held: Counter[Hashable] = Counter()
    for stream in streams:
        held[owner(stream)] += amount(stream)
    return max(streams, key=lambda stream: (held[owner(stream)], -stream.number))


def discard(index: dict[K, set[V]], key: K, value: V) -> None:
    """Remove a value from an index, and its key with the last value."""
    index[key].discard(value)
    if not index[key]:
        del index[key]
