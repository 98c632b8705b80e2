"""The topic of an operator's list: read again as a whole, and pushed as one fragment."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments, render


class ListTopic(Topic):
    """The rows of a list that are on screen, which any change of records may concern.

    A list names the fragment and its root, and reads its page; one that shows more than records adds channels.
    """

    __slots__ = ()

    # Without it, a bulk change would have every open list read again for each row of it.
    pace_s: ClassVar[float] = 1.0
    template: ClassVar[str]
    root_id: ClassVar[str]

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.RECORDS,)

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE

    def page(self, now: datetime) -> object:
        """Read the page, which is the fragment's argument."""
        raise NotImplementedError

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return State(self.page(now))

    def common(self, state: State) -> Fragments:
        return {self.root_id: render(self.template, page=state.value)}
