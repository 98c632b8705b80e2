"""The topics of what needs a person: the list, and its count in the sidebar of each operator's page.

Each is read once for all browsers of the process, and both from one cached reading: at most once a second if something
is said to have changed, and every few seconds since most of it changes by time alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.attention import Attention
from polaris.attention.reader import Reader
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.attention import fragments

INTERVAL = timedelta(seconds=5)  # between readings without a message: what time alone changes is as late as this


class AttentionTopic(Topic):
    """The list of what needs a person."""

    pace_s: ClassVar[float] = 1.0

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self._reader = reader

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.RECORDS, pubsub.ALL_CHARGERS)

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.kind in (pubsub.RECORDS_CHANGED, pubsub.CHARGER_CHANGED) else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        reading = self._reader.latest()
        back_at = reading.attention.comes_back_at or now + INTERVAL
        changes_at = min(now + INTERVAL, max(back_at, reading.next_at)) if reading.is_new else reading.next_at
        return State(reading.attention, changes_at)

    def common(self, state: State) -> Fragments:
        assert isinstance(state.value, Attention)
        return fragments.page(state.value)


class AttentionCountTopic(AttentionTopic):
    """How much needs a person."""

    def common(self, state: State) -> Fragments:
        assert isinstance(state.value, Attention)
        return fragments.count(state.value)
