"""A topic whose size, pace, duration and failures tests choose."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime

import redis
from peewee import OperationalError

from polaris import pubsub
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments

CHANGED = "board.changed"

_names = itertools.count(1)


class Board(Topic):
    """A fragment with a revision, filled up to a size. `reads` counts; a reading waits for `gate`, or fails."""

    def __init__(self, *, size: int = 0, pace_s: float = 0.0, failures: int = 0) -> None:
        self.name = f"board-{next(_names)}"
        super().__init__(self.name)
        self.size = size
        self.pace_s = pace_s  # type: ignore[misc]  # other topics have it in their class
        self.failures = failures
        self.revision = 0
        self.reads = 0
        self.gate = threading.Event()
        self.gate.set()

    @property
    def channels(self) -> tuple[str, ...]:
        return (f"test:{self.name}",)

    def change(self, client: redis.Redis) -> None:
        self.revision += 1
        client.publish(self.channels[0], pubsub.encode(PubSubMessage(CHANGED, {"board": 1})))

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.kind == CHANGED else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        self.reads += 1
        self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise OperationalError("the database is away")
        return State(self.revision)

    def common(self, state: State) -> Fragments:
        filling = "x" * self.size
        return {self.name: f'<p id="{self.name}" data-revision="{state.value}">revision {state.value}.{filling}</p>'}
