"""The topic of the page that compares settings, which only operators can watch.

As on a charger's page, only a version is pushed: a page that shows another one fetches the comparison.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.comparison import fragments, queries
from polaris.web.comparison.queries import Version, Wanted

INTERVAL = timedelta(seconds=5)  # a report of settings is not announced


class ComparisonTopic(Topic):
    """The settings of a charger beside another's, or beside a baseline."""

    pace_s: ClassVar[float] = 1.0  # a charger that boots sends a dozen messages at once

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted.identity, wanted.other, wanted.baseline)
        self._wanted = wanted
        self._charger_ids: frozenset[int] = frozenset()

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_CHARGERS, pubsub.RECORDS

    def changes(self, message: PubSubMessage) -> Change | None:
        is_ours = message.data.get("charger") in self._charger_ids
        return WHOLE if is_ours or message.kind == pubsub.RECORDS_CHANGED else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        version = queries.version(self._wanted)
        self._charger_ids = version.charger_ids if version else frozenset()
        return State(version, now + INTERVAL)

    def common(self, state: State) -> Fragments:
        return fragments.version(state.value) if isinstance(state.value, Version) else {}
