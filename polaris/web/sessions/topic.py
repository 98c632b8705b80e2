"""The topics of a session's page and of the list of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.domain.enums import Role
from polaris.domain.viewer import Viewer
from polaris.pubsub import GROWN, PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, Scope, State, Topic
from polaris.rendering.fragments import AnyFragments, Fragments
from polaris.web.lists import ListTopic
from polaris.web.sessions import fragments, listed, own, pushed, queries, receipts
from polaris.web.sessions.kept import Readings, Timeline
from polaris.web.sessions.listed import SessionsPage, Wanted
from polaris.web.sessions.own import OwnPage
from polaris.web.sessions.receipts import ReceiptPage
from polaris.web.sessions.view import SessionView
from polaris.web.sessions.why import Why, why

READINGS = Change(Scope.ROWS)  # some came after the others
CHANGED = Change(Scope.WHOLE, 0)  # anything else happened, earlier readings included
# A notification may be lost that earlier readings differ. In proportion to their number, reading them all again, a few
# microseconds for each, takes at most as much time as a reading that comes each second takes anyway.
REREAD_AFTER_EACH = timedelta(seconds=0.2)


class _OfSession(Topic):
    """A page about one session, of the charger whose meter keys its signed values are checked with."""

    __slots__ = ("charger_id", "number")

    def __init__(self, number: int, charger_id: int = 0) -> None:
        super().__init__(number)
        self.number = number
        self.charger_id = charger_id

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.session_channel(self.number), pubsub.METER_KEYS

    def changes(self, message: PubSubMessage) -> Change | None:
        if message.kind == pubsub.METER_KEYS_CHANGED:
            return WHOLE if message.data.get("charger") == self.charger_id else None
        return WHOLE if message.kind in (pubsub.SESSION_CHANGED, pubsub.SESSIONS_CHANGED) else None


class SessionTopic(_OfSession):
    """A session's page. It keeps the readings that it shows, and reads all of them only if earlier ones may differ."""

    __slots__ = ("_kept", "_pushed", "_read_all_at")

    max_batch: ClassVar[int] = 25  # more would make the first page of a batch wait for the last

    def __init__(self, number: int, charger_id: int = 0) -> None:
        super().__init__(number, charger_id)
        self._kept = Readings()
        self._pushed = Timeline()
        self._read_all_at: datetime | None = None

    def changes(self, message: PubSubMessage) -> Change | None:
        if super().changes(message) is None:
            return None
        return READINGS if GROWN in message.data else CHANGED

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return self.read_many((self,), (changes,), now, settings)[0]

    @classmethod
    def read_many(
        cls, topics: Sequence[SessionTopic], changes: Sequence[Changes], now: datetime, settings: RenderSettings
    ) -> list[State]:
        growing = [topic for topic, changed in zip(topics, changes, strict=True) if topic._only_grows(changed, now)]
        kept = {topic.number: topic._kept for topic in growing}
        views = queries.session_views({topic.number for topic in topics}, now, settings.stale_after, kept)
        for topic in topics:
            view = views.get(topic.number)
            topic._kept = Readings() if view is None else view.readings
            if topic.number not in kept:
                topic._read_all_at = now
        return [
            _state(views.get(topic.number), is_news=CHANGED in changed)
            for topic, changed in zip(topics, changes, strict=True)
        ]

    def _only_grows(self, changes: Changes, now: datetime) -> bool:
        """Whether the readings that it keeps are as they were, as far as is known. All are read again in time."""
        if self._read_all_at is None or CHANGED in changes:
            return False
        return now - self._read_all_at < self._kept.count * REREAD_AFTER_EACH

    def common(self, state: State) -> AnyFragments:
        view, before = state.value, self._pushed
        if not isinstance(view, SessionView):
            return {}
        self._pushed = view.readings.timeline
        return pushed.common(view, before) if view.is_active else fragments.session(view)

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> AnyFragments:
        view = state.value
        if not isinstance(view, SessionView):
            return {}
        return (pushed if view.is_active else fragments).stop(view, viewer, settings.operator_contact)


def _state(view: SessionView | None, *, is_news: bool) -> State:
    return State(view, None if view is None else view.changes_at, is_news=is_news)


class WhyTopic(_OfSession):
    """The page that says where a session's figures come from."""

    # It reads all of the session's readings: without a pace, a meter that sends many would occupy a worker.
    pace_s: ClassVar[float] = 2.0

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        page = why(self.number, now, settings.stale_after)
        return State(page, None if page is None else page.session.changes_at)

    def common(self, state: State) -> Fragments:
        return fragments.explanation(state.value) if isinstance(state.value, Why) else {}

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, Why) or viewer.role is not Role.OPERATOR:
            return {}
        return fragments.energy_verbs(state.value.session)


class ReceiptTopic(_OfSession):
    """The receipt of a session."""

    pace_s: ClassVar[float] = 2.0  # as of the page above, whose readings it reads

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return State(receipts.page(self.number, now, settings.stale_after))

    def common(self, state: State) -> Fragments:
        return fragments.receipt(state.value) if isinstance(state.value, ReceiptPage) else {}


class OperatorSessionsTopic(ListTopic):
    """A page of the operators' list of sessions."""

    template = "sessions/_table.html"
    root_id = "session-list"

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self._totalled: tuple[datetime, SessionsPage] | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_SESSIONS, *super().channels

    def page(self, now: datetime) -> object:
        at, before = self._totalled or (None, None)
        is_fresh = at is not None and (now - at).total_seconds() < listed.TOTALS_AGE_S
        page = listed.page(self.wanted, now, before.totals if before is not None and is_fresh else None)
        if not is_fresh:
            self._totalled = now, page
        return page


class SessionsTopic(Topic):
    """A page of a driver's list of sessions.

    A change of a session brings its row if the page has it. Under a filter by status it brings the whole page, which
    the session may leave or join.
    """

    def __init__(self, account_id: int, wanted: Wanted | None = None) -> None:
        self.wanted = wanted or Wanted.of_owner(account_id, {})
        super().__init__(self.wanted)
        self.account_id = account_id
        self._shown: frozenset[int] = frozenset()

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.own_sessions_channel(self.account_id),)

    def changes(self, message: PubSubMessage) -> Change | None:
        if message.kind == pubsub.SESSIONS_CHANGED:
            return WHOLE
        if message.kind != pubsub.SESSION_CHANGED:
            return None
        return WHOLE if self.wanted.sessions.status else Change.row(int(message.data["session"]))

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        if WHOLE in changes:
            page = own.page(self.wanted, now)
            self._shown = frozenset(row.number for row in page.rows)
            return State(page)
        numbers = {change.number for change in changes if change.number is not None}
        return State(own.change(self.wanted, numbers & self._shown, now), is_whole=False)

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if isinstance(state.value, OwnPage):
            return fragments.session_list(state.value, viewer)
        return fragments.changed_rows(state.value, viewer) if isinstance(state.value, own.Change) else {}
