"""The topics of a session's page and of the list of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, RenderSettings, State
from polaris.rendering.fragments import Fragments
from polaris.web.sessions import fragments, queries
from polaris.web.sessions.view import SessionView


@dataclass(frozen=True, slots=True)
class SessionTopic:
    """One session's page."""

    number: int
    pace_s: ClassVar[float] = 0.0

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.session_channel(self.number),)

    def concerns(self, hint: PubSubMessage) -> int | None:
        return _session(hint)

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        return self.read_together((self,), now, settings)[0]

    @staticmethod
    def read_together(topics: Sequence[SessionTopic], now: datetime, settings: RenderSettings) -> list[State]:
        """Read many sessions for little more than one costs."""
        pages = queries.session_pages({topic.number for topic in topics}, now, settings.stale_after)
        found = [pages.get(topic.number) for topic in topics]
        return [State(page, page and page.changes_at) for page in found]

    def shared(self, state: State) -> Fragments:
        return fragments.session(state.value) if isinstance(state.value, SessionView) else {}

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, SessionView):
            return {}
        return fragments.stop(state.value, viewer, settings.operator_contact)


@dataclass(frozen=True, slots=True)
class SessionsTopic:
    """A page of the list of a driver's sessions, or, for None, of all: the one below `before`, or the newest."""

    account_id: int | None
    before: int | None = None
    pace_s: ClassVar[float] = 0.0

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.ALL_SESSIONS if self.account_id is None else pubsub.account_channel(self.account_id),)

    def concerns(self, hint: PubSubMessage) -> int | None:
        return WHOLE if hint.kind == pubsub.SESSIONS_CHANGED else _session(hint)

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        if WHOLE in changed:
            return State(queries.sessions(self.account_id, now, before=self.before)[: queries.LIST])
        return State(queries.session_rows(changed, now), is_whole=False)

    def shared(self, state: State) -> Fragments:
        return {}

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, list):
            return {}
        render = fragments.session_list if state.is_whole else fragments.rows
        return render(state.value, viewer)


def _session(hint: PubSubMessage) -> int | None:
    is_session = hint.kind in (pubsub.SESSION_CHANGED, pubsub.SESSIONS_CHANGED)
    return int(hint.data["session"]) if is_session else None
