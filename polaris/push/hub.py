"""The hub: one Redis subscription for any number of open streams, whose sockets it writes to.

A message marks a topic as changed; a worker reads the topic once, renders it once, and writes the same bytes to every
subscriber. A subscriber whose socket is full gets no backlog, but a snapshot once it can take one. A topic's channels
are subscribed to before it is first read, and it is read again after a break of the Redis connection and at regular
intervals: a lost message makes a page late, never wrong for good.

Threads are greenlets under gunicorn's gevent worker, and threads elsewhere. The lock is only held for moments: nothing
is read, rendered or waited for under it.
"""

from __future__ import annotations

import itertools
import logging
import resource
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

from polaris import administration, pubsub
from polaris.config import Config
from polaris.domain.viewer import Viewer
from polaris.ingest import Ingest
from polaris.pubsub import PubSubMessage
from polaris.push import error_boundary, sse
from polaris.push.access import AccessChecks, StreamDevice
from polaris.push.open_streams import OpenStreams, discard
from polaris.push.redis_listener import RedisListener
from polaris.push.render_queue import RenderQueue
from polaris.push.socket_poller import SocketPoller
from polaris.push.subscribers import Browser, Subscriber, Subscription, write
from polaris.push.topic import TIME, WHOLE, Change, RenderSettings, Topic

WORKERS = 8  # with a single one, a topic that is slow to read would hold up every other
TICK_INTERVAL_S = 0.25
SWEEP_INTERVAL_S = 1.0
# A browser that reads nothing for so long is cut off, and reconnects when it is back. Without it, a phone that is
# asleep would keep its stream for as long as the network keeps the connection.
READ_TIMEOUT_S = 30.0
RESERVED_FILES = 300  # beside the streams: without them, the process could not reach its database when it is full
BOUND_WARNING_INTERVAL_S = 60.0  # without it, an attack would fill the log
# The time it takes to open a stream. Heartbeats tell pages over how long to spread their reconnects: without that, all
# would come back at once after a restart, and the last wait while the first are served.
OPEN_DURATION_S = 0.005

log = logging.getLogger(__name__)


class TooManyStreams(Exception):
    """The process has no file left for a stream."""


class Hub:
    """The process's hub. Streams `join` it; its threads start with the first of them."""

    def __init__(self, config: Config, ingest: Ingest, context: Callable[[], AbstractContextManager[Any]]) -> None:
        """`context` makes the application context that renderings need."""
        self._heartbeat_interval_s = config.heartbeat_s
        self._reread_interval_s = config.reread_s
        self._ingest = ingest
        self.listener = RedisListener(config.redis_url)
        self.listener.add_consumer(self)
        self._lock = threading.RLock()
        settings = RenderSettings(config.operator_contact, timedelta(seconds=config.stale_after_s))
        self._render_queue = RenderQueue(self._lock, settings, context)
        self._poller = SocketPoller(self._lock, self._leave, self._on_writable)
        self._access = AccessChecks(
            self._lock, self._poller.subscribers, self._on_checked, administration.lifetimes(config)
        )
        self._subscriptions: dict[Topic, Subscription] = {}
        self._by_channel: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._streams = OpenStreams(config.streams_per_account, config.streams_per_address)
        self._warned_at = -BOUND_WARNING_INTERVAL_S
        self._numbers = itertools.count(1)  # of streams and subscriptions
        max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._max_streams = max_files - max_files // 4 - RESERVED_FILES  # gunicorn.conf.py gives requests the quarter
        self._threads: list[threading.Thread] = []
        self._is_closed = threading.Event()

    # Subscribers

    @property
    def is_full(self) -> bool:
        """Whether the process has no file left for one more stream."""
        return len(self._poller) >= self._max_streams

    def has_room(self, browser: Browser, topics: Iterable[Topic]) -> bool:
        """Tell whether a browser may open a stream of some topics without displacing another."""
        with self._lock:
            return self._streams.yielding(browser, topics) is None

    def join(self, topics: Mapping[str, Topic], refused: Iterable[str], browser: Browser, fd: int) -> None:
        """Take over a stream's socket, and send it snapshots of its topics and every change from then on.

        The page knows the topics, and those that it is refused, by names of its own.
        """
        with self._lock:
            if self._is_closed.is_set() or self.is_full:
                raise TooManyStreams
            self._start()
            self._make_room(browser, topics.values())
            names = {name: self._subscriptions.get(topic) or self._open(topic) for name, topic in topics.items()}
            account_channel = pubsub.account_channel(browser.account_id)
            subscriber = Subscriber(next(self._numbers), fd, browser, account_channel)
            self._poller.add(subscriber)
            self._streams.add(subscriber)
            events = [sse.named(subscription.number, name) for name, subscription in names.items()]
            events += map(sse.refused, refused)
            write((subscriber,), b"".join((sse.CONNECTED, *events, self._heartbeat())))
            self._watch(subscriber, list(dict.fromkeys(names.values())))

    def _make_room(self, browser: Browser, topics: Iterable[Topic]) -> None:
        while (displaced := self._streams.yielding(browser, topics)) is not None:
            write((displaced,), sse.DISPLACED)
            self._leave(displaced)
            if self._warned_at + BOUND_WARNING_INTERVAL_S < monotonic():
                self._warned_at = monotonic()
                log.warning(
                    "account %d or address %s has all the streams it may have", browser.account_id, browser.address
                )

    def _watch(self, subscriber: Subscriber, subscriptions: list[Subscription]) -> None:
        for subscription in subscriptions:
            subscriber.watch(subscription)
            for channel in subscription.topic.channels:
                self._by_channel[channel].add(subscription)
        for channel in subscriber.channels:
            self.listener.subscribe(channel)
        for subscription in subscriptions:
            if not any(map(self.listener.will_confirm, subscription.topic.channels)):
                self._render_queue.enqueue(subscription)
        if not self.listener.will_confirm(subscriber.account_channel):
            self._access.request((subscriber,))

    def _open(self, topic: Topic) -> Subscription:
        subscription = self._subscriptions[topic] = Subscription(next(self._numbers), topic)
        topic.opened(partial(self._notify, subscription))
        return subscription

    def snapshot(self, topic: Topic, viewer: Viewer) -> str:
        """Render the whole present state of a topic, for a page that streams do not reach."""
        return self._render_queue.snapshot(topic, viewer)

    def _leave(self, subscriber: Subscriber) -> None:
        if not subscriber.is_open:
            return
        self._poller.remove(subscriber)
        self._streams.discard(subscriber)
        self._access.discard(subscriber)
        for audience in subscriber.audiences:
            audience.discard(subscriber)
            if not audience.subscription.audiences:
                self._close(audience.subscription)
        for channel in subscriber.channels:
            self.listener.unsubscribe(channel)

    def _close(self, subscription: Subscription) -> None:
        topic = subscription.topic
        del self._subscriptions[topic]
        topic.closed()
        for channel in topic.channels:
            discard(self._by_channel, channel, subscription)

    def close(self) -> None:
        """End every stream and the hub's own threads."""
        self._is_closed.set()
        self.listener.close()
        self._access.close()
        self._render_queue.close(WORKERS)
        for thread in self._threads:
            thread.join()
        with self._lock:
            for subscriber in self._poller.subscribers():
                self._leave(subscriber)
        self._poller.close()

    def _start(self) -> None:
        if self._threads:
            return
        tasks = {
            "listen": self.listener.run,
            "poll": self._poll,
            "tick": self._tick,
            "sweep": self._sweep,
            "access": self._access.run,
        } | {f"work-{number}": self._render_queue.work for number in range(WORKERS)}
        for name, task in tasks.items():
            self._threads.append(threading.Thread(target=task, name=f"hub-{name}", daemon=True))
            self._threads[-1].start()

    # Messages: Redis → topics

    def on_confirmed(self, channel: str) -> None:
        """Check the account and read the topics of a channel: messages may have been missed before."""
        with self._lock:
            self._access.request(self._streams.of_account(channel))
            for subscription in self._by_channel.get(channel, ()):
                self._render_queue.mark(subscription, WHOLE)

    def on_message(self, channel: str, message: PubSubMessage) -> None:
        """Mark the topics of a channel that a message changes."""
        with self._lock:
            if message.kind == pubsub.ACCOUNT_CHANGED:
                self._access.request(self._streams.of_account(channel))
            for subscription in self._by_channel.get(channel, ()):
                change = subscription.topic.changes(message)
                if change is not None:
                    self._render_queue.mark(subscription, change)

    def _notify(self, subscription: Subscription, change: Change) -> None:
        with self._lock:
            self._render_queue.mark(subscription, change)

    # Sockets

    def _poll(self) -> None:
        while not self._is_closed.is_set():
            error_boundary.run(lambda: self._poller.poll(TICK_INTERVAL_S))

    def _on_writable(self, subscriber: Subscriber) -> None:
        """Let a subscriber that missed events wait for snapshots; the next tick queues its subscriptions."""
        if subscriber.has_missed:
            subscriber.has_missed = False
            for audience in subscriber.audiences:
                audience.add(subscriber)

    def _cut_off(self) -> None:
        """End the streams whose browsers read nothing for too long."""
        limit = monotonic() - READ_TIMEOUT_S
        with self._lock:
            for subscriber in self._poller.subscribers():
                if subscriber.rest is not None and subscriber.blocked_at < limit:
                    self._leave(subscriber)

    def _heartbeat(self) -> bytes:
        return sse.heartbeat(self._heartbeat_interval_s, max(1.0, len(self._poller) * OPEN_DURATION_S))

    def _send_heartbeats(self) -> None:
        self._render_queue.broadcast(self._poller.subscribers(), self._heartbeat())

    # Timers

    def _tick(self) -> None:
        intervals_s = {
            self._queue_due: TICK_INTERVAL_S,
            self._cut_off: SWEEP_INTERVAL_S,
            self._send_heartbeats: self._heartbeat_interval_s,
        }
        due_at = {task: monotonic() + interval_s for task, interval_s in intervals_s.items()}
        while not self._is_closed.wait(TICK_INTERVAL_S):
            for task, interval_s in intervals_s.items():
                if due_at[task] <= monotonic():
                    due_at[task] = monotonic() + interval_s
                    error_boundary.run(task)

    def _queue_due(self) -> None:
        """Queue the topics that time changes, that were not read for long, or that had been read too recently."""
        now, reread_before = datetime.now(UTC), monotonic() - self._reread_interval_s
        with self._lock:
            for subscription in self._subscriptions.values():
                if subscription.changes_at is not None and subscription.changes_at <= now:
                    subscription.changes.add(TIME)
                if subscription.read_whole_at < reread_before:
                    subscription.changes.add(WHOLE)
                if subscription.changes:
                    self._render_queue.enqueue(subscription)

    def _sweep(self) -> None:
        """Expire requests to chargers. In a thread of its own, since it may wait for Redis."""
        while not self._is_closed.wait(SWEEP_INTERVAL_S):
            error_boundary.run(lambda: self._ingest.sweep(datetime.now(UTC)))

    # Access

    def _on_checked(self, subscriber: Subscriber, device: StreamDevice | None) -> None:
        """End the stream of a device that is signed out or has another role; follow its account's status."""
        if device is None or device.viewer.role is not subscriber.viewer.role:
            write((subscriber,), sse.SIGNED_OUT)
            self._leave(subscriber)
        elif device.viewer != subscriber.viewer:
            subscriber.become(device.viewer)
            for audience in subscriber.audiences:
                self._render_queue.enqueue(audience.subscription)
