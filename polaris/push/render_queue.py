"""Reads and renders the topics that changed, each once, and writes the outcome to the pages that watch it.

Workers take topics from one queue, in which each stands once. One that is slow takes one worker; a reading that fails
is done again a little later. Nothing is read or rendered under the lock.
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
from polaris.push import sse
from polaris.push.guarded import run
from polaris.push.subscriber import Subscriber, write
from polaris.push.subscribers import Audience, RenderJob, Subscription
from polaris.push.topic import WHOLE, RenderSettings, Topic
from polaris.rendering import translations
from polaris.rendering.fragments import Fragments, in_place

RETRY_S = 1.0  # until a topic is read again whose reading failed
READ_TOGETHER = 25  # topics of one kind
GATHER_S = 0.004  # between two takings of topics that can be read together
AT_ONCE = 250  # pages written to before others have their turn


class RenderQueue:
    """`mark` says that a watch changed; `work` is for threads, as many as there are to be, until `close`."""

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
        self._gathering = Lock()
        self._gathered_at = 0.0

    def close(self, workers: int) -> None:
        """Let so many workers end."""
        for _ in range(workers):
            self._queue.put(None)

    def present(self, topic: Topic, viewer: Viewer) -> str:
        """The whole present state of a topic, rendered for one who asks."""
        state = topic.read(frozenset({WHOLE}), datetime.now(UTC), self._settings)
        return in_place(topic.shared(state) | topic.own(state, viewer, self._settings))

    def mark(self, watch: Subscription, changed: int) -> None:
        watch.changed.add(changed)
        self.queue_up(watch)

    def queue_up(self, watch: Subscription) -> None:
        if not watch.is_queued and watch.rests_until <= monotonic():
            watch.is_queued = True
            self._queue.put(watch)

    def work(self) -> None:
        with self._context(), translations.looked_up_once():  # for all renderings: nothing of it is a viewer's
            self._render_what_comes()

    def _render_what_comes(self) -> None:
        while watches := self._gathered():
            self._take([RenderJob(watch) for watch in watches])

    def _gathered(self) -> list[Subscription]:
        """The next watch, and others that can be read together with it; none at the end.

        One that comes soon after another waits for company: read together, each costs a third of what it costs alone.
        """
        with self._gathering:
            watch = self._queue.get()
            if watch is None or not hasattr(watch.topic, "read_together"):
                return [] if watch is None else [watch]
            time.sleep(max(0.0, self._gathered_at + GATHER_S - monotonic()))
            self._gathered_at = monotonic()
            return [watch, *self._others_like(watch)]

    def _take(self, turns: list[RenderJob]) -> None:
        """By itself, so that a worker that waits keeps nothing of what it read last."""
        with self._lock:
            for turn in turns:
                turn.begin()
        run(lambda: self._read(turns))
        for turn in turns:
            if turn.state is not None:
                turn.is_done = run(lambda: self._render(turn))  # noqa: B023 - it is called at once
                time.sleep(0)  # others have their turn
        with self._lock:
            for turn in turns:
                self._end(turn)

    def _others_like(self, watch: Subscription) -> Iterator[Subscription]:
        """More of those that wait, if they can be read together with this one."""
        for _ in range(min(READ_TOGETHER - 1, self._queue.qsize())):
            try:
                other = self._queue.get_nowait()
            except Empty:
                return
            if other is None or type(other.topic) is not type(watch.topic):
                self._queue.put(other)
                return
            yield other

    def _read(self, turns: list[RenderJob]) -> None:
        turns = [turn for turn in turns if turn.audiences]
        now = datetime.now(UTC)
        if len(turns) == 1:
            turns[0].state = turns[0].watch.topic.read(turns[0].changed, now, self._settings)
        elif turns:
            together: Any = turns[0].watch.topic
            states = together.read_together([turn.watch.topic for turn in turns], now, self._settings)
            for turn, state in zip(turns, states, strict=True):
                turn.state = state

    def _render(self, turn: RenderJob) -> None:
        watch, state = turn.watch, turn.state
        assert state is not None
        watch.changes_at = state.changes_at
        if state.is_whole:
            watch.whole_at = monotonic()
        shared = watch.topic.shared(state)
        for audience, waiting in turn.audiences:
            fragments = shared | watch.topic.own(state, audience.viewer, self._settings)
            self._show(audience, waiting, fragments, is_whole=state.is_whole)

    def _end(self, turn: RenderJob) -> None:
        watch = turn.watch
        watch.is_queued = False
        watch.rests_until = monotonic() + (watch.topic.pace_s if turn.is_done else RETRY_S)
        if not turn.is_done:
            watch.changed |= turn.changed
        if watch.changed:
            self.queue_up(watch)

    def _show(self, audience: Audience, waiting: list[Subscriber], fragments: Fragments, *, is_whole: bool) -> None:
        with self._lock:
            pages = list(audience.pages)
            news = audience.news(fragments, is_whole=is_whole)
            newcomers = [page for page in waiting if page in audience.waiting]
            audience.waiting.difference_update(newcomers)
            audience.pages.update(newcomers)
            if newcomers and fragments:
                write(newcomers, sse.in_place(fragments))
        if news:
            self.write(pages, sse.in_place(news))

    def write(self, pages: list[Subscriber], event: bytes) -> None:
        """Write to pages, some at a time: each is looked at under the lock, as it may be gone by then."""
        for first in range(0, len(pages), AT_ONCE):
            if first:
                time.sleep(0)
            with self._lock:
                write(pages[first : first + AT_ONCE], event)
