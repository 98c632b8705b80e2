"""The topic of the page that says what a charger is like, which only operators can watch."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.ingest import Behaviour, behaviour
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments, render


class BehaviourTopic(Topic):
    """A charger's behaviour: read again when its sessions or its connection change."""

    __slots__ = ("charger_id",)

    pace_s: ClassVar[float] = 5.0  # it is made out from hundreds of rows, of which a change adds one

    def __init__(self, charger_id: int) -> None:
        super().__init__(charger_id)
        self.charger_id = charger_id

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_CHARGERS, pubsub.ALL_SESSIONS

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.data.get("charger") == self.charger_id else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return State(behaviour.of(self.charger_id, now))

    def common(self, state: State) -> Fragments:
        if not isinstance(state.value, Behaviour):
            return {}
        root_id = f"charger-{state.value.charger_id}-behaviour"
        return {root_id: render("behaviour/_behaviour.html", behaviour=state.value)}
