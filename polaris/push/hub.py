"""One Redis subscription for this process and any number of open pages, whose sockets it writes to.

A hint marks a topic as changed; a worker reads the topic's state once, renders it once, and the same bytes go to every
page that watches it. A page whose socket is full gets no backlog but a snapshot, once it can take one. Subscribing
comes before the first reading, a new Redis connection reads everything anew, and so does the clock now and then: a hint
that is lost costs lateness, never truth.

Threads here are greenlets under gunicorn's gevent worker, and threads elsewhere. The lock is held for a moment at a
time: nothing is read, rendered or waited for under it.
"""

from __future__ import annotations

import resource
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

from peewee import chunked

from polaris import pubsub
from polaris.config import Config
from polaris.domain.viewer import Viewer
from polaris.ingest import Ingest
from polaris.pubsub import PubSubMessage
from polaris.push import access, sse
from polaris.push.access import StreamDevice
from polaris.push.guarded import run
from polaris.push.redis_listener import RedisListener
from polaris.push.render_queue import RETRY_S, RenderQueue
from polaris.push.socket_poller import SocketPoller
from polaris.push.subscriber import Subscriber, write
from polaris.push.subscribers import Subscription
from polaris.push.topic import TIME, WHOLE, RenderSettings, Topic

WORKERS = 8
TICK_S = 0.25
SWEEP_S = 1.0
RECHECK_S = 10.0
READ_WITHIN_S = 30.0  # a browser that takes nothing for so long is cut off; it connects anew when it is back
MAX_STREAMS = 50  # of one device
OTHER_FILES = 300  # that the process needs beside its streams
AT_ONCE = 250  # devices looked up in one query
COMING_BACK_S = 0.005  # what it takes to open a stream: so long for each, all pages spread when they have to come back

K = TypeVar("K")
V = TypeVar("V")


class TooManyStreams(Exception):
    """A device has more pages open than a person has, or the process has no more room."""


class Hub:
    """The process's hub. `join` is for streams; the rest runs by itself from the first `join` on."""

    def __init__(self, config: Config, ingest: Ingest, context: Callable[[], AbstractContextManager[Any]]) -> None:
        """`context` gives what rendering needs around it: an application context."""
        self._heartbeat_s = config.heartbeat_s
        self._reread_s = config.reread_s
        self._ingest = ingest
        self._listener = RedisListener(config.redis_url, self._on_confirmed, self._on_hint)
        self._lock = threading.RLock()
        settings = RenderSettings(config.operator_contact, timedelta(seconds=config.stale_after_s))
        self._renderer = RenderQueue(self._lock, settings, context)
        self._wire = SocketPoller(self._lock, self._leave, self._on_free)
        self._watches: dict[Topic, Subscription] = {}
        self._by_channel: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._by_account: defaultdict[str, set[Subscriber]] = defaultdict(set)
        self._streams: Counter[str] = Counter()  # by device
        self._most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES
        self._unchecked: set[Subscriber] = set()
        self._must_check = threading.Event()
        self._threads: list[threading.Thread] = []
        self._is_closed = threading.Event()

    # Pages come and go.

    def has_room(self, sign_in_id: str) -> bool:
        """Whether a device may open one more stream, and the process has files left for it."""
        return self._streams[sign_in_id] < MAX_STREAMS and len(self._wire) < self._most

    def join(self, topic: Topic, sign_in_id: str, device: StreamDevice, fd: int) -> None:
        """Take a page's socket, which is the hub's from now on. What it gets first is the whole present state."""
        with self._lock:
            if self._is_closed.is_set() or not self.has_room(sign_in_id):
                raise TooManyStreams
            self._start()
            watch = self._watches.get(topic) or self._begin(topic)
            account = pubsub.account_channel(device.account_id)
            page = Subscriber(fd, watch.audience(device.viewer), account, sign_in_id)
            self._wire.add(page)
            self._streams[sign_in_id] += 1
            self._by_account[account].add(page)
            for channel in topic.channels:
                self._by_channel[channel].add(watch)
            for channel in {*topic.channels, account}:
                self._listener.want(channel)
            write((page,), sse.CONNECTED + self._heartbeat())
            watch.add(page)
            if not any(map(self._listener.will_confirm, topic.channels)):
                self._renderer.queue_up(watch)
            if not self._listener.will_confirm(account):
                self._check((page,))

    def _begin(self, topic: Topic) -> Subscription:
        watch = self._watches[topic] = Subscription(topic)
        watch.follow(is_followed=True)
        return watch

    def present(self, topic: Topic, viewer: Viewer) -> str:
        """The whole present state of a topic, rendered for one who asks."""
        return self._renderer.present(topic, viewer)

    def _leave(self, page: Subscriber) -> None:
        if not page.is_open:
            return
        watch = page.audience.watch
        self._wire.remove(page)
        watch.discard(page)
        if not watch.audiences:
            del self._watches[watch.topic]
            watch.follow(is_followed=False)
            for channel in watch.topic.channels:
                _discard(self._by_channel, channel, watch)
        _discard(self._by_account, page.account, page)
        self._unchecked.discard(page)
        self._streams[page.sign_in_id] -= 1
        if not self._streams[page.sign_in_id]:
            del self._streams[page.sign_in_id]
        for channel in {*watch.topic.channels, page.account}:
            self._listener.unwant(channel)

    def close(self) -> None:
        """End every stream and the hub's own threads."""
        self._is_closed.set()
        self._listener.close()
        self._must_check.set()
        self._renderer.close(WORKERS)
        for thread in self._threads:
            thread.join()
        with self._lock:
            for page in self._wire.pages():
                self._leave(page)
        self._wire.close()

    def _start(self) -> None:
        if self._threads:
            return
        own = (self._listener.run, self._follow_sockets, self._tick, self._sweep, self._check_devices)
        for task in (*own, *[self._renderer.work] * WORKERS):
            self._threads.append(threading.Thread(target=task, name=f"hub-{task.__name__}", daemon=True))
            self._threads[-1].start()

    # Hints: Redis → topics.

    def _on_confirmed(self, channel: str) -> None:
        with self._lock:
            self._check(self._by_account.get(channel, ()))
            for watch in self._by_channel.get(channel, ()):
                self._renderer.mark(watch, WHOLE)

    def tell(self, channel: str, hint: PubSubMessage) -> None:
        """Take a hint that comes from this process itself."""
        self._on_hint(channel, hint)

    def _on_hint(self, channel: str, hint: PubSubMessage) -> None:
        with self._lock:
            if hint.kind == pubsub.ACCOUNT_CHANGED:
                self._check(self._by_account.get(channel, ()))
            for watch in self._by_channel.get(channel, ()):
                changed = watch.topic.concerns(hint)
                if changed is not None:
                    self._renderer.mark(watch, changed)

    # Sockets.

    def _follow_sockets(self) -> None:
        while not self._is_closed.is_set():
            run(lambda: self._wire.turn(TICK_S))

    def _on_free(self, page: Subscriber) -> None:
        """Its socket takes more. What it missed it gets as a snapshot, with the next tick: it can wait so long."""
        if page.has_missed:
            page.has_missed = False
            page.audience.pages.discard(page)
            page.audience.watch.add(page)

    def _cut_off(self) -> None:
        limit = monotonic() - READ_WITHIN_S
        with self._lock:
            for page in self._wire.pages():
                if page.rest is not None and page.stuck_at < limit:
                    self._leave(page)

    def _heartbeat(self) -> bytes:
        return sse.heartbeat(self._heartbeat_s, max(1.0, len(self._wire) * COMING_BACK_S))

    def _beat(self) -> None:
        self._renderer.write(self._wire.pages(), self._heartbeat())

    # Time: deadlines, what time alone changes, lost hints.

    def _tick(self) -> None:
        every = {self._ring: TICK_S, self._cut_off: SWEEP_S, self._beat: self._heartbeat_s}
        due = {task: monotonic() + seconds for task, seconds in every.items()}
        while not self._is_closed.wait(TICK_S):
            for task, seconds in every.items():
                if due[task] <= monotonic():
                    due[task] = monotonic() + seconds
                    run(task)

    def _ring(self) -> None:
        now, stale = datetime.now(UTC), monotonic() - self._reread_s
        with self._lock:
            for watch in self._watches.values():
                if watch.changes_at is not None and watch.changes_at <= now:
                    watch.changed.add(TIME)
                if watch.whole_at < stale:
                    watch.changed.add(WHOLE)
                if watch.changed:
                    self._renderer.queue_up(watch)

    def _sweep(self) -> None:
        """By itself, as it may wait for Redis."""
        while not self._is_closed.wait(SWEEP_S):
            run(lambda: self._ingest.sweep(datetime.now(UTC)))

    # Who may still watch.

    def _check(self, pages: Iterable[Subscriber]) -> None:
        self._unchecked.update(pages)
        if self._unchecked:
            self._must_check.set()

    def _check_devices(self) -> None:
        """By itself, as it waits for the database: those that were asked for at once, and all of them now and then."""
        checked_at = monotonic()
        while not self._is_closed.is_set():
            self._must_check.wait(max(0.0, checked_at + RECHECK_S - monotonic()))
            self._must_check.clear()
            with self._lock:
                if checked_at + RECHECK_S <= monotonic():
                    checked_at = monotonic()
                    self._unchecked.update(self._wire.pages())
                pages, self._unchecked = self._unchecked, set()
            for some in chunked(pages, AT_ONCE):
                if not run(lambda: self._check_some(some)):  # noqa: B023 - it is called at once
                    self._is_closed.wait(RETRY_S)
                    with self._lock:
                        self._check(some)

    def _check_some(self, pages: Iterable[Subscriber]) -> None:
        """End the streams of devices that were signed out; show the others what their account's change means."""
        devices = access.devices({page.sign_in_id for page in pages})
        with self._lock:
            for page in pages:
                if page.is_open:
                    self._follow_device(page, devices.get(page.sign_in_id))

    def _follow_device(self, page: Subscriber, device: StreamDevice | None) -> None:
        audience = page.audience
        if device is None or device.viewer.role is not audience.viewer.role:
            write((page,), sse.SIGNED_OUT)
            self._leave(page)
        elif device.viewer != audience.viewer:
            audience.watch.move(page, device.viewer)
            self._renderer.queue_up(audience.watch)


def _discard(index: dict[K, set[V]], key: K, value: V) -> None:
    """Take a value out of an index, and its key with the last one."""
    index[key].discard(value)
    if not index[key]:
        del index[key]
