"""The hub: one Redis subscription for any number of open streams, whose sockets it writes to.

A message marks a topic as changed; a worker reads the topic once, renders it once, and writes the same bytes to every
subscriber. A subscriber whose socket is full gets no backlog, but a snapshot once it can take one. A topic's channels
are subscribed to before it is first read, and it is read again after a break of the Redis connection and at regular
intervals: a lost message makes a page late, never wrong for good.

Threads are greenlets under gunicorn's gevent worker, and threads elsewhere. The lock is only held for moments: nothing
is read, rendered or waited for under it.
"""

from __future__ import annotations

import resource
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from polaris import administration, pubsub
from polaris.config import Config
from polaris.domain.viewer import Viewer
from polaris.ingest import Ingest
from polaris.pubsub import PubSubMessage
from polaris.push import error_boundary, sse
from polaris.push.access import AccessChecks, StreamDevice
from polaris.push.redis_listener import RedisListener
from polaris.push.render_queue import RenderQueue
from polaris.push.socket_poller import SocketPoller
from polaris.push.subscribers import Subscriber, Subscription, write
from polaris.push.topic import TIME, WHOLE, Change, RenderSettings, Topic

WORKERS = 8  # with a single one, a topic that is slow to read would hold up every other
TICK_INTERVAL_S = 0.25
SWEEP_INTERVAL_S = 1.0
# A browser that reads nothing for so long is cut off, and reconnects when it is back. Without it, a phone that is
# asleep would keep its stream for as long as the network keeps the connection.
READ_TIMEOUT_S = 30.0
MAX_STREAMS = 50  # of one device: without it, a single browser could use up all files of the process
RESERVED_FILES = 300  # beside the streams: without them, the process could not reach its database when it is full
# The time it takes to open a stream. Heartbeats tell pages over how long to spread their reconnects: without that, all
# would come back at once after a restart, and the last wait while the first are served.
OPEN_DURATION_S = 0.005

K = TypeVar("K")
V = TypeVar("V")


class TooManyStreams(Exception):
    """The device has more streams open than a person needs, or the process has no files left."""


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
        self._by_account: defaultdict[str, set[Subscriber]] = defaultdict(set)
        self._streams: Counter[str] = Counter()  # by device
        max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._max_streams = max_files - max_files // 4 - RESERVED_FILES  # gunicorn.conf.py gives requests the quarter
        self._threads: list[threading.Thread] = []
        self._is_closed = threading.Event()

    # Subscribers

    def has_room(self, sign_in_id: str) -> bool:
        """Tell whether a device may open one more stream, and the process has a file left for it."""
        return self._streams[sign_in_id] < MAX_STREAMS and len(self._poller) < self._max_streams

    def join(self, topic: Topic, sign_in_id: str, device: StreamDevice, fd: int) -> None:
        """Take over a stream's socket, and send it a snapshot and every change from then on."""
        with self._lock:
            if self._is_closed.is_set() or not self.has_room(sign_in_id):
                raise TooManyStreams
            self._start()
            subscription = self._subscriptions.get(topic) or self._open(topic)
            account_channel = pubsub.account_channel(device.account_id)
            subscriber = Subscriber(fd, subscription.audience(device.viewer), account_channel, sign_in_id)
            self._poller.add(subscriber)
            self._streams[sign_in_id] += 1
            self._by_account[account_channel].add(subscriber)
            for channel in topic.channels:
                self._by_channel[channel].add(subscription)
            for channel in {*topic.channels, account_channel}:
                self.listener.subscribe(channel)
            write((subscriber,), sse.CONNECTED + self._heartbeat())
            subscription.add(subscriber)
            if not any(map(self.listener.will_confirm, topic.channels)):
                self._render_queue.enqueue(subscription)
            if not self.listener.will_confirm(account_channel):
                self._access.request((subscriber,))

    def _open(self, topic: Topic) -> Subscription:
        subscription = self._subscriptions[topic] = Subscription(topic)
        topic.opened(partial(self._notify, subscription))
        return subscription

    def snapshot(self, topic: Topic, viewer: Viewer) -> str:
        """Render the whole present state of a topic, for a page that streams do not reach."""
        return self._render_queue.snapshot(topic, viewer)

    def _leave(self, subscriber: Subscriber) -> None:
        if not subscriber.is_open:
            return
        subscription = subscriber.audience.subscription
        topic = subscription.topic
        self._poller.remove(subscriber)
        subscription.discard(subscriber)
        if not subscription.audiences:
            del self._subscriptions[topic]
            topic.closed()
            for channel in topic.channels:
                _discard(self._by_channel, channel, subscription)
        _discard(self._by_account, subscriber.account_channel, subscriber)
        self._access.discard(subscriber)
        self._streams[subscriber.sign_in_id] -= 1
        if not self._streams[subscriber.sign_in_id]:
            del self._streams[subscriber.sign_in_id]
        for channel in {*topic.channels, subscriber.account_channel}:
            self.listener.unsubscribe(channel)

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
            self._access.request(self._by_account.get(channel, ()))
            for subscription in self._by_channel.get(channel, ()):
                self._render_queue.mark(subscription, WHOLE)

    def on_message(self, channel: str, message: PubSubMessage) -> None:
        """Mark the topics of a channel that a message changes."""
        with self._lock:
            if message.kind == pubsub.ACCOUNT_CHANGED:
                self._access.request(self._by_account.get(channel, ()))
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
        """Let a subscriber that missed events wait for a snapshot; the next tick queues its subscription."""
        if subscriber.has_missed:
            subscriber.has_missed = False
            subscriber.audience.live.discard(subscriber)
            subscriber.audience.subscription.add(subscriber)

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
        audience = subscriber.audience
        if device is None or device.viewer.role is not audience.viewer.role:
            write((subscriber,), sse.SIGNED_OUT)
            self._leave(subscriber)
        elif device.viewer != audience.viewer:
            audience.subscription.move(subscriber, device.viewer)
            self._render_queue.enqueue(audience.subscription)


def _discard(index: dict[K, set[V]], key: K, value: V) -> None:
    """Remove a value from an index, and its key with the last value."""
    index[key].discard(value)
    if not index[key]:
        del index[key]
