"""Parts that operators' lists share: their topic, read as a whole and pushed as one fragment, and its notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from flask import Flask, Response, request

from polaris import pubsub
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments, render
from polaris.services import services


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
        """Read the page, which is the fragment's argument; None if what it was of is no more."""
        raise NotImplementedError

    def changes_at(self, page: Any) -> datetime | None:
        """Return when time alone changes the page next; None if it does not."""
        return None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        page = self.page(now)
        return State(page, self.changes_at(page))

    def common(self, state: State) -> Fragments:
        return {} if state.value is None else {self.root_id: render(self.template, page=state.value)}


class ListWithSessionsTopic(ListTopic):
    """A list that shows the newest session of each row beside its records."""

    __slots__ = ()

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.RECORDS, pubsub.ALL_SESSIONS

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE if message.kind in (pubsub.RECORDS_CHANGED, pubsub.SESSIONS_CHANGED) else None


def init_app(app: Flask) -> None:
    app.after_request(_announce)


def _announce(response: Response) -> Response:
    """Announce that records may have changed, the audit log among them, after each request that can change any."""
    if request.method == "POST":
        services().publisher.announce(pubsub.records_changed())
    return response
