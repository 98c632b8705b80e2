"""The topics of Home: a driver's own part, and the chargers of a site, which all who look at it share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.home import fragments, queries
from polaris.web.home.bars import Period
from polaris.web.home.view import HomeView, SiteChargers

# Between two readings of the bars while a session only goes on: their picture moves no faster.
BARS_INTERVAL = timedelta(seconds=30)
_OF_ALL = (pubsub.SESSIONS_CHANGED, pubsub.ACCOUNT_CHANGED, pubsub.START_CHANGED)


class HomeTopic(Topic):
    """A driver's sessions and bars. A reading concerns the banners alone; the rest follows when a session changes."""

    def __init__(self, account_id: int, period: Period) -> None:
        super().__init__(account_id, period)
        self.account_id = account_id
        self.period = period
        self._numbers: frozenset[int] = frozenset()  # of the sessions that went on when it was read last
        self._whole_at = datetime.min.replace(tzinfo=UTC)

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.own_channels(self.account_id)

    def changes(self, message: PubSubMessage) -> Change | None:
        if message.kind == pubsub.SESSION_CHANGED:
            return Change.row(int(message.data["session"]))
        return WHOLE if message.kind in _OF_ALL else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        home = queries.running(self.account_id, now)
        named = {change.number for change in changes} - {None}
        is_same = WHOLE not in changes and home.numbers == self._numbers and named <= home.numbers
        is_whole = not is_same or now >= self._whole_at + BARS_INTERVAL
        if is_whole:
            home = queries.show(self.account_id, self.period, now)
            self._numbers, self._whole_at = home.numbers, now
        return State(home, home.changes_at, is_whole=is_whole)

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, HomeView):
            return {}
        return fragments.driver(state.value, viewer, settings.operator_contact)


class SiteChargersTopic(Topic):
    """A page of a site's chargers: who charges there is not on it, so readings do not concern it."""

    pace_s: ClassVar[float] = 1.0  # without it, a site that comes back would be read for each charger

    def __init__(self, site_id: int, after_id: int | None, period: Period) -> None:
        super().__init__(site_id, after_id, period)
        self.site_id, self.after_id, self.period = site_id, after_id, period
        self._shown: frozenset[int] = frozenset()

    @property
    def channels(self) -> tuple[str, ...]:
        return pubsub.ALL_CHARGERS, pubsub.RECORDS

    def changes(self, message: PubSubMessage) -> Change | None:
        if message.kind == pubsub.CHARGER_CHANGED:
            return WHOLE if message.data.get("charger") in self._shown else None
        return WHOLE if message.kind == pubsub.RECORDS_CHANGED else None

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        page = queries.chargers(self.site_id, self.after_id, self.period, now)
        self._shown = frozenset(() if page is None else (charger.id for charger in page.chargers))
        return State(page)

    def common(self, state: State) -> Fragments:
        return fragments.chargers(state.value) if isinstance(state.value, SiteChargers) else {}
