"""What a page can watch. A topic knows its Redis channels, reads its state, and renders it; the hub does the rest.

`read` touches the database and renders nothing; `shared` and `own` render and touch no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from polaris import bus
from polaris.bus import Announcement
from polaris.domain.session_page import SessionPage, Viewer
from polaris.live import fragments, snapshot
from polaris.live.fragments import Fragments

WHOLE = 0  # among the numbers of what changed, stands for "read everything"
TIME = -1  # and this for what time alone changes, at the instant that the last reading named


@dataclass(frozen=True, slots=True)
class Settings:
    """What rendering needs to know of the installation."""

    operator_contact: str
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class State:
    """What was read for a topic, and when time alone will change it."""

    value: object
    changes_at: datetime | None = None
    is_whole: bool = True


class Topic(Protocol):
    @property
    def channels(self) -> tuple[str, ...]:
        """The Redis channels that may say something of it."""

    @property
    def pace_s(self) -> float:
        """The least time between two readings; what changes in between is read together."""

    def concerns(self, hint: Announcement) -> int | None:
        """The number of what a hint says has changed, WHOLE for everything, None where nothing of this did."""

    def read(self, changed: frozenset[int], now: datetime, settings: Settings) -> State:
        """Read what changed; `changed` holds what `concerns` gave, WHOLE or TIME."""

    def shared(self, state: State) -> Fragments:
        """What every viewer gets."""

    def own(self, state: State, viewer: Viewer, settings: Settings) -> Fragments:
        """What depends on who looks."""


@dataclass(frozen=True, slots=True)
class SessionTopic:
    """One session's page."""

    number: int
    pace_s: ClassVar[float] = 0.0

    @property
    def channels(self) -> tuple[str, ...]:
        return (bus.session_channel(self.number),)

    def concerns(self, hint: Announcement) -> int | None:
        return _session(hint)

    def read(self, changed: frozenset[int], now: datetime, settings: Settings) -> State:
        return self.read_together((self,), now, settings)[0]

    @staticmethod
    def read_together(topics: Sequence[SessionTopic], now: datetime, settings: Settings) -> list[State]:
        """Read many sessions for little more than one costs."""
        pages = snapshot.session_pages({topic.number for topic in topics}, now, settings.stale_after)
        found = [pages.get(topic.number) for topic in topics]
        return [State(page, page and page.changes_at) for page in found]

    def shared(self, state: State) -> Fragments:
        return fragments.session(state.value) if isinstance(state.value, SessionPage) else {}

    def own(self, state: State, viewer: Viewer, settings: Settings) -> Fragments:
        if not isinstance(state.value, SessionPage):
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
        return (bus.ALL_SESSIONS if self.account_id is None else bus.account_channel(self.account_id),)

    def concerns(self, hint: Announcement) -> int | None:
        return WHOLE if hint.kind == bus.SESSIONS_CHANGED else _session(hint)

    def read(self, changed: frozenset[int], now: datetime, settings: Settings) -> State:
        if WHOLE in changed:
            return State(snapshot.sessions(self.account_id, now, before=self.before)[: snapshot.LIST])
        return State(snapshot.session_rows(changed, now), is_whole=False)

    def shared(self, state: State) -> Fragments:
        return {}

    def own(self, state: State, viewer: Viewer, settings: Settings) -> Fragments:
        if not isinstance(state.value, list):
            return {}
        render = fragments.session_list if state.is_whole else fragments.rows
        return render(state.value, viewer)


@dataclass(frozen=True, slots=True)
class AccountTopic:
    """The account page: what the viewer's own status means."""

    account_id: int
    pace_s: ClassVar[float] = 0.0

    @property
    def channels(self) -> tuple[str, ...]:
        return (bus.account_channel(self.account_id),)

    def concerns(self, hint: Announcement) -> int | None:
        return None  # the hub itself follows what changes of a viewer's account

    def read(self, changed: frozenset[int], now: datetime, settings: Settings) -> State:
        return State(None)

    def shared(self, state: State) -> Fragments:
        return {}

    def own(self, state: State, viewer: Viewer, settings: Settings) -> Fragments:
        return fragments.account_status(viewer.status, settings.operator_contact)


def _session(hint: Announcement) -> int | None:
    is_session = hint.kind in (bus.SESSION_CHANGED, bus.SESSIONS_CHANGED)
    return int(hint.data["session"]) if is_session else None
