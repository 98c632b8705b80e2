"""The queue of changed topics: each is read and rendered once for all its subscribers, and written to them.

Workers take subscriptions from one queue, in which each stands at most once. A slow topic occupies one worker; a topic
that fails is retried a little later. Nothing is read or rendered under the lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import Any

from polaris.domain.viewer import Viewer
from polaris.push import error_boundary, sse
from polaris.push.subscribers import Audience, Subscriber, Subscription, write
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering import translations
from polaris.rendering.fragments import AnyFragments, Fragments, in_place

RETRY_INTERVAL_S = 1.0  # without it, a topic that fails would occupy a worker all the time
# The least time between two batches. Read one by one, sessions that change together cost three times as much each.
BATCH_INTERVAL_S = 0.01
WRITES_AT_ONCE = 250  # without it, one topic with thousands of subscribers would hold up every other greenlet


class RenderJob:
    """One reading and rendering of a subscription, with its changes and subscribers as they were at the beginning."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.changes: Changes = frozenset()
        self.audiences: list[tuple[Audience, list[Subscriber]]] = []  # with those waiting
        self.state: State | None = None
        self.is_done = False

    def begin(self) -> None:
        self.changes, self.subscription.changes = frozenset(self.subscription.changes), set()
        self.audiences = [(audience, list(audience.waiting)) for audience in self.subscription.audiences.values()]
        self.is_done = not self.audiences  # without subscribers there is nothing to do


class RenderQueue:
    """The queue of changed subscriptions. Run `work` in as many threads as there should be workers."""

    def __init__(
        self,
        lock: AbstractContextManager[Any],
        settings: RenderSettings,
        context: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._lock = lock
        self._settings = settings
        self._context = context
        self._queue: SimpleQueue[Subscription | None] = SimpleQueue()
        self._batching = Lock()
        self._last_batch_at = 0.0

    def close(self, workers: int) -> None:
        """End so many workers."""
        for _ in range(workers):
            self._queue.put(None)

    def snapshot(self, topic: Topic, viewer: Viewer) -> str:
        """Read and render the whole present state of a topic, outside of the queue."""
        with translations.in_language(topic.language):
            state = topic.read(frozenset({WHOLE}), datetime.now(UTC), self._settings)
            return in_place({**topic.common(state), **topic.per_viewer(state, viewer, self._settings)})

    def mark(self, subscription: Subscription, change: Change) -> None:
        """Note a change, and queue the subscription. Call it under the lock."""
        subscription.changes.add(change)
        self.enqueue(subscription)

    def enqueue(self, subscription: Subscription) -> None:
        """Queue a subscription, unless it is queued, or was read too recently: then the hub's tick queues it later."""
        if not subscription.is_queued and subscription.next_read_at <= monotonic():
            subscription.is_queued = True
            self._queue.put(subscription)

    def work(self) -> None:
        """Process the queue until closed."""
        with self._context():  # once for all renderings: it does not depend on the viewer
            while self._process_batch():
                pass

    def _process_batch(self) -> bool:
        """Process the next batch; return False at the end. A worker that waits keeps nothing of the last one."""
        batch = self._next_batch()
        if batch:
            self._process([RenderJob(subscription) for subscription in batch])
        return bool(batch)

    def _next_batch(self) -> list[Subscription]:
        """Take the next subscription, and others that can be read together with it; nothing at the end."""
        with self._batching:
            subscription = self._queue.get()
            if subscription is None or subscription.topic.max_batch == 1:
                return [] if subscription is None else [subscription]
            time.sleep(max(0.0, self._last_batch_at + BATCH_INTERVAL_S - monotonic()))
            self._last_batch_at = monotonic()
            return [subscription, *self._next_of_class(type(subscription.topic))]

    def _next_of_class(self, topic_class: type[Topic]) -> Iterator[Subscription]:
        for _ in range(min(topic_class.max_batch - 1, self._queue.qsize())):
            try:
                subscription = self._queue.get_nowait()
            except Empty:
                return
            if subscription is None or type(subscription.topic) is not topic_class:
                self._queue.put(subscription)
                return
            yield subscription

    def _process(self, jobs: list[RenderJob]) -> None:
        with self._lock:
            for job in jobs:
                job.begin()
        error_boundary.run(lambda: self._read(jobs))
        for job in jobs:
            if job.state is not None:
                job.is_done = error_boundary.run(lambda: self._render(job))  # noqa: B023 - it is called at once
                time.sleep(0)  # let other greenlets run
        with self._lock:
            for job in jobs:
                self._end(job)

    def _read(self, jobs: list[RenderJob]) -> None:
        jobs = [job for job in jobs if job.audiences]
        now = datetime.now(UTC)
        if len(jobs) == 1:
            topic = jobs[0].subscription.topic
            with translations.in_language(topic.language):
                jobs[0].state = topic.read(jobs[0].changes, now, self._settings)
        elif jobs:
            topics = [job.subscription.topic for job in jobs]
            states = type(topics[0]).read_many(topics, [job.changes for job in jobs], now, self._settings)
            for job, state in zip(jobs, states, strict=True):
                job.state = state

    def _render(self, job: RenderJob) -> None:
        subscription, state = job.subscription, job.state
        assert state is not None
        subscription.changes_at = state.changes_at
        if state.is_whole:
            subscription.read_whole_at = monotonic()
        topic = subscription.topic
        with translations.in_language(topic.language):
            common = topic.common(state)
            for audience, waiting in job.audiences:
                fragments = {**common, **topic.per_viewer(state, audience.viewer, self._settings)}
                changed = audience.show(fragments, is_whole=state.is_whole, is_news=state.is_news)
                self._show(audience, changed, waiting, fragments)

    def _end(self, job: RenderJob) -> None:
        subscription = job.subscription
        subscription.is_queued = False
        subscription.next_read_at = monotonic() + (subscription.topic.pace_s if job.is_done else RETRY_INTERVAL_S)
        if not job.is_done:
            subscription.changes |= job.changes
        if subscription.changes:
            self.enqueue(subscription)

    def _show(self, audience: Audience, changed: Fragments, waiting: list[Subscriber], fragments: AnyFragments) -> None:
        """Write everything to those waiting, who are live from now on, and what differs to those already live."""
        number = audience.subscription.number
        whole = sse.in_place(number, fragments) if waiting else b""
        with self._lock:
            live = list(audience.live)
            newcomers = [subscriber for subscriber in waiting if subscriber in audience.waiting]
            audience.waiting.difference_update(newcomers)
            audience.live.update(newcomers)
            if fragments:
                write(newcomers, whole)
        if changed and live:
            self.broadcast(live, sse.in_place(number, changed))

    def broadcast(self, subscribers: list[Subscriber], event: bytes) -> None:
        """Write an event to many subscribers, some at a time. A socket that closed in between is left out."""
        for start in range(0, len(subscribers), WRITES_AT_ONCE):
            if start:
                time.sleep(0)
            with self._lock:
                write(subscribers[start : start + WRITES_AT_ONCE], event)
