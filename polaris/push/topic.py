"""The contract between the hub and a page: the page's Redis channels, how it is read, and how it is rendered.

`read` uses the database and renders nothing; `common` and `per_viewer` render and use no database.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple, Self

from polaris.domain.languages import ENGLISH
from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.rendering.fragments import AnyFragments


class Scope(StrEnum):
    """How much of a topic a change concerns."""

    WHOLE = "whole"
    ROWS = "rows"
    TIME = "time"


class Change(NamedTuple):
    """A change of a topic. A tuple, because each message makes one and pending changes are kept in a set."""

    scope: Scope
    number: int | None = None  # of the row

    @classmethod
    def row(cls, number: int) -> Change:
        """A change of one row of a list."""
        return cls(Scope.ROWS, number)


WHOLE = Change(Scope.WHOLE)  # everything has to be read
ROWS = Change(Scope.ROWS)  # some rows: the topic compares to find which
TIME = Change(Scope.TIME)  # the instant has come that the last state named in `changes_at`

Changes = frozenset[Change]
Notify = Callable[[Change], None]


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """The installation's settings that renderings depend on."""

    operator_contact: str
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class State:
    """The result of reading a topic. `changes_at` is the next instant at which time alone changes it.

    With `is_news`, its deferred fragments are sent to everyone, whether they differ from those sent before or not.
    """

    value: object
    changes_at: datetime | None = None
    is_whole: bool = True
    is_news: bool = False


class Topic:
    """A page that can be watched. Topics of the same class, key and language are equal, and share one subscription.

    It is read and rendered in its language, by one worker at a time: it may keep what it read last.
    """

    __slots__ = ("_key", "language")

    pace_s: ClassVar[float] = 0.0  # the least time between two readings; changes in between are read together
    max_batch: ClassVar[int] = 1  # topics of the class that `read_many` takes

    def __init__(self, *key: Hashable) -> None:
        self._key = key
        self.language = ENGLISH

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Topic) or type(self) is not type(other):
            return False
        return self._key == other._key and self.language == other.language

    def __hash__(self) -> int:
        return hash((self._key, self.language))

    @property
    def channels(self) -> tuple[str, ...]:
        """The Redis channels on which its changes are published."""
        return ()

    def changes(self, message: PubSubMessage) -> Change | None:
        """Return the change that a message on one of the channels means, None if it means none."""
        return None

    def opened(self, notify: Notify) -> None:
        """Prepare for its first subscriber. `notify` reports changes that come from elsewhere than its channels."""

    def closed(self) -> None:
        """Clean up after its last subscriber."""

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        """Read at least what changed."""
        raise NotImplementedError

    @classmethod
    def read_many(
        cls, topics: Sequence[Self], changes: Sequence[Changes], now: datetime, settings: RenderSettings
    ) -> list[State]:
        """Read at least what changed of several topics of this class, in fewer queries than one by one.

        They may be of several languages: what is read must have no words.
        """
        return [topic.read(changed, now, settings) for topic, changed in zip(topics, changes, strict=True)]

    def common(self, state: State) -> AnyFragments:
        """Render the fragments that are the same for every viewer."""
        return {}

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> AnyFragments:
        """Render the fragments that depend on the viewer."""
        return {}
