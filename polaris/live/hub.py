"""One Redis subscription for this process and any number of open pages.

A hint marks a topic as changed; a worker reads the topic's state once, renders it once, and offers it to every page
that watches it. A page keeps the newest rendering of each fragment and never a backlog. Subscribing comes before the
first reading, a new Redis connection reads everything anew, and so does the clock now and then: a hint that is lost
costs lateness, never truth.

Threads here are greenlets under gunicorn's gevent worker, and threads elsewhere.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from peewee import InterfaceError, OperationalError

from polaris import bus
from polaris.bus import Announcement
from polaris.config import Config
from polaris.domain.session_page import Viewer
from polaris.ingest import Ingest
from polaris.live import snapshot
from polaris.live.fragments import Fragments
from polaris.live.listener import Listener
from polaris.live.snapshot import Device
from polaris.live.subscriber import Subscriber
from polaris.live.topics import WHOLE, Settings, Topic

WORKERS = 4
TICK_S = 0.25
SWEEP_S = 1.0
RECHECK_S = 10.0
MOST_STREAMS = 50  # of one device

K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)


class TooManyStreams(Exception):
    """A device has more pages open than a person has."""


class Watch:
    """A topic that pages watch: who does, what of it changed since it was read, and when time alone changes it."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.subscribers: set[Subscriber] = set()
        self.changed: set[int] = set()
        self.is_queued = False
        self.rests_until = 0.0  # on the monotonic clock: its pace
        self.changes_at: datetime | None = None


class Hub:
    """The process's hub. `join` and `leave` are for streams; the rest runs by itself from the first `join` on."""

    def __init__(self, config: Config, ingest: Ingest, context: Callable[[], AbstractContextManager[Any]]) -> None:
        """`context` gives what rendering needs around it: an application context."""
        self.heartbeat_s = config.heartbeat_s
        self._reread_s = config.reread_s
        self._settings = Settings(config.operator_contact, timedelta(seconds=config.stale_after_s))
        self._ingest = ingest
        self._context = context
        self._listener = Listener(config.redis_url, self._on_confirmed, self._on_hint)
        self._lock = threading.RLock()
        self._watches: dict[Topic, Watch] = {}
        self._by_channel: defaultdict[str, set[Watch]] = defaultdict(set)
        self._by_account: defaultdict[int, set[Subscriber]] = defaultdict(set)
        self._queue: SimpleQueue[Watch | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._is_closed = threading.Event()

    def join(self, topic: Topic, sign_in_id: str, device: Device) -> Subscriber:
        """Open a page's stream. What it gets first is the whole present state. Raise `TooManyStreams`."""
        subscriber = Subscriber(topic, sign_in_id, device)
        with self._lock:
            of_account = self._by_account.get(device.account_id, ())
            if sum(other.sign_in_id == sign_in_id for other in of_account) >= MOST_STREAMS:
                raise TooManyStreams
            self._start()
            watch = self._watches.setdefault(topic, Watch(topic))
            watch.subscribers.add(subscriber)
            for channel in topic.channels:
                self._by_channel[channel].add(watch)
            self._by_account[subscriber.account_id].add(subscriber)
            for channel in _channels(subscriber):
                self._listener.want(channel)
            if not any(map(self._listener.will_confirm, topic.channels)):
                self._mark(watch, WHOLE)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Close a page's stream."""
        with self._lock:
            watch = self._watches[subscriber.topic]
            watch.subscribers.discard(subscriber)
            if not watch.subscribers:
                del self._watches[subscriber.topic]
                for channel in watch.topic.channels:
                    _discard(self._by_channel, channel, watch)
            _discard(self._by_account, subscriber.account_id, subscriber)
            for channel in _channels(subscriber):
                self._listener.unwant(channel)

    def close(self) -> None:
        """End every stream and the hub's own threads."""
        self._is_closed.set()
        self._listener.close()
        with self._lock:
            for watch in self._watches.values():
                for subscriber in watch.subscribers:
                    subscriber.end()
        for _ in range(WORKERS):
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        if self._threads:
            return
        for run in (self._listener.run, self._tick, self._sweep, *[self._work] * WORKERS):
            self._threads.append(threading.Thread(target=run, name=f"hub-{run.__name__}", daemon=True))
            self._threads[-1].start()

    # Hints: Redis → topics.

    def _on_confirmed(self, channel: str) -> None:
        with self._lock:
            for watch in self._by_channel.get(channel, ()):
                self._mark(watch, WHOLE)

    def _on_hint(self, channel: str, hint: Announcement) -> None:
        if hint.kind == bus.ACCOUNT_CHANGED:
            with self._lock:
                subscribers = list(self._by_account.get(int(hint.data["account"]), ()))
            _run(partial(self._recheck, subscribers))
        with self._lock:
            for watch in self._by_channel.get(channel, ()):
                changed = watch.topic.concerns(hint)
                if changed is not None:
                    self._mark(watch, changed)

    # Rendering: topics → pages.

    def _mark(self, watch: Watch, changed: int) -> None:
        watch.changed.add(changed)
        self._queue_up(watch)

    def _queue_up(self, watch: Watch) -> None:
        if not watch.is_queued and watch.rests_until <= monotonic():
            watch.is_queued = True
            self._queue.put(watch)

    def _work(self) -> None:
        while (watch := self._queue.get()) is not None:
            with self._lock:
                changed, watch.changed = frozenset(watch.changed), set()
                watch.changes_at = None
                subscribers = list(watch.subscribers)
            _run(partial(self._render, watch, changed, subscribers))
            with self._lock:
                watch.is_queued = False
                watch.rests_until = monotonic() + watch.topic.pace_s
                if watch.changed:
                    self._queue_up(watch)

    def _render(self, watch: Watch, changed: frozenset[int], subscribers: list[Subscriber]) -> None:
        if not subscribers:
            return
        state = watch.topic.read(changed, datetime.now(UTC), self._settings)
        watch.changes_at = state.changes_at
        own: dict[Viewer, Fragments] = {}
        with self._context():
            shared = watch.topic.shared(state)
            for subscriber in subscribers:
                viewer = subscriber.viewer
                if viewer not in own:
                    own[viewer] = watch.topic.own(state, viewer, self._settings)
                subscriber.offer(shared | own[viewer])

    # Time: deadlines, what time alone changes, lost hints, and who may still watch.

    def _tick(self) -> None:
        every = {self._ring: TICK_S, self._recheck_all: RECHECK_S, self._mark_all: self._reread_s}
        due = dict.fromkeys(every, datetime.now(UTC))
        while not self._is_closed.wait(TICK_S):
            for task, seconds in every.items():
                now = datetime.now(UTC)
                if due[task] <= now:
                    due[task] = now + timedelta(seconds=seconds)
                    _run(task)

    def _ring(self) -> None:
        now = datetime.now(UTC)
        with self._lock:
            for watch in self._watches.values():
                if watch.changes_at is not None and watch.changes_at <= now:
                    watch.changed.add(WHOLE)
                if watch.changed:
                    self._queue_up(watch)

    def _sweep(self) -> None:
        """By itself, as it may wait for Redis."""
        while not self._is_closed.wait(SWEEP_S):
            _run(lambda: self._ingest.sweep(datetime.now(UTC)))

    def _mark_all(self) -> None:
        with self._lock:
            for watch in self._watches.values():
                self._mark(watch, WHOLE)

    def _recheck_all(self) -> None:
        with self._lock:
            subscribers = [subscriber for group in self._by_account.values() for subscriber in group]
        self._recheck(subscribers)

    def _recheck(self, subscribers: Iterable[Subscriber]) -> None:
        """End the streams of devices that were signed out; show the others what their account's change means."""
        devices = snapshot.devices({subscriber.sign_in_id for subscriber in subscribers})
        for subscriber in subscribers:
            device = devices.get(subscriber.sign_in_id)
            if device is None or device.viewer.role is not subscriber.viewer.role:
                subscriber.end()
            elif device.viewer != subscriber.viewer:
                subscriber.viewer = device.viewer
                with self._lock:
                    if subscriber.topic in self._watches:
                        self._mark(self._watches[subscriber.topic], WHOLE)


def _channels(subscriber: Subscriber) -> set[str]:
    return {*subscriber.topic.channels, bus.account_channel(subscriber.account_id)}


def _discard(index: dict[K, set[V]], key: K, value: V) -> None:
    """Take a value out of an index, and its key with the last one."""
    index[key].discard(value)
    if not index[key]:
        del index[key]


def _run(task: Callable[[], None]) -> None:
    """The boundary of the hub's threads: what goes wrong in one task is logged and ends nothing else."""
    try:
        task()
    except (OperationalError, InterfaceError) as error:
        log.warning("the database is away, open pages are late until it is back: %s", error)
    except Exception:
        log.exception("a task of the hub failed")
