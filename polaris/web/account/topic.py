"""The topic of the account page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.push.topic import RenderSettings, State
from polaris.rendering.fragments import Fragments
from polaris.web.account import fragments


@dataclass(frozen=True, slots=True)
class AccountTopic:
    """The account page: what the viewer's own status means."""

    account_id: int
    pace_s: ClassVar[float] = 0.0

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.account_channel(self.account_id),)

    def concerns(self, hint: PubSubMessage) -> int | None:
        return None  # the hub itself follows what changes of a viewer's account

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        return State(None)

    def shared(self, state: State) -> Fragments:
        return {}

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        return fragments.account_status(viewer.status, settings.operator_contact)
