"""The topic of a charger's commissioning, which only operators can watch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.commissioning import links
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.commissioning import fragments, queries
from polaris.web.commissioning.fragments import RunPage

INTERVAL = timedelta(seconds=5)  # a clock that is set, and a report of settings, are not announced


class CommissioningTopic(Topic):
    """The newest run of a charger."""

    pace_s: ClassVar[float] = 0.5  # a charger that boots sends a dozen messages at once

    def __init__(self, charger_id: int) -> None:
        super().__init__(charger_id)
        self.charger_id = charger_id

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_CHARGERS, pubsub.ALL_SESSIONS

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.data.get("charger") == self.charger_id else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return State(queries.newest(self.charger_id, now), now + INTERVAL)

    def common(self, state: State) -> Fragments:
        return fragments.run(state.value) if isinstance(state.value, RunPage) else {}


class ElectricianTopic(CommissioningTopic):
    """The same for the electrician who has the run's link, as long as that opens it.

    A browser where somebody is signed in, or a wall, keeps its stream when the link ends.
    """

    def __init__(self, charger_id: int, link_hash: str) -> None:
        Topic.__init__(self, charger_id, link_hash)
        self.charger_id, self._link_hash = charger_id, link_hash

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return super().read(changes, now, settings) if links.still_open([self._link_hash], now) else State(None)

    def common(self, state: State) -> Fragments:
        if isinstance(state.value, RunPage):
            return fragments.run(state.value, for_operator=False)
        return fragments.closed(self.charger_id)
