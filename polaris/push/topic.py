"""What a page can watch. A topic knows its Redis channels, reads its state, and renders it; the hub does the rest.

`read` touches the database and renders nothing; `shared` and `own` render and touch no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.rendering.fragments import Fragments

WHOLE = 0  # among the numbers of what changed, stands for "read everything"
TIME = -1  # and this for what time alone changes, at the instant that the last reading named


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What rendering needs to know of the installation."""

    operator_contact: str
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class State:
    """What was read for a topic, and when time alone will change it."""

    value: object
    changes_at: datetime | None = None
    is_whole: bool = True


class Topic(Protocol):
    @property
    def channels(self) -> tuple[str, ...]:
        """The Redis channels that may say something of it."""

    @property
    def pace_s(self) -> float:
        """The least time between two readings; what changes in between is read together."""

    def concerns(self, hint: PubSubMessage) -> int | None:
        """The number of what a hint says has changed, WHOLE for everything, None where nothing of this did."""

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        """Read what changed; `changed` holds what `concerns` gave, WHOLE or TIME."""

    def shared(self, state: State) -> Fragments:
        """What every viewer gets."""

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        """What depends on who looks."""
