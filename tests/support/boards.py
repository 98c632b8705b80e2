"""Owns a topic that tests can shape: how large it is, how slow its reading, how often it may be read."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from datetime import datetime

import redis
from peewee import OperationalError

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.push.topic import RenderSettings, State
from polaris.rendering.fragments import Fragments

CHANGED = "board.changed"

_names = itertools.count(1)


@dataclass(eq=False)
class Board:
    """A fragment with a revision, filled up to a size. `reads` counts; a reading waits for `gate`, or fails."""

    size: int = 0
    pace_s: float = 0.0
    name: str = field(default_factory=lambda: f"board-{next(_names)}")
    revision: int = 0
    reads: int = 0
    failures: int = 0
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def channels(self) -> tuple[str, ...]:
        return (f"test:{self.name}",)

    def change(self, client: redis.Redis) -> None:
        self.revision += 1
        client.publish(self.channels[0], pubsub.encode(PubSubMessage(CHANGED, {"board": 1})))

    def concerns(self, hint: PubSubMessage) -> int | None:
        return int(hint.data["board"]) if hint.kind == CHANGED else None

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        self.reads += 1
        self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise OperationalError("the database is away")
        return State(self.revision)

    def shared(self, state: State) -> Fragments:
        filling = "x" * self.size
        return {self.name: f'<p id="{self.name}" data-revision="{state.value}">revision {state.value}.{filling}</p>'}

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        return {}
