"""The topic of the account page."""

from __future__ import annotations

from datetime import datetime

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.push.topic import Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.account import fragments


class AccountTopic(Topic):
    """The account page. It shows the viewer's status, whose changes the hub itself follows for every stream."""

    def __init__(self, account_id: int) -> None:
        super().__init__(account_id)
        self.account_id = account_id

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.account_channel(self.account_id),)

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return State(None)

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        return fragments.account_status(viewer.status, settings.operator_contact)
