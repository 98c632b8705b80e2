"""The topic of the fleet page: one for each filter, order and page, all over the process's one refresher.

Pushed are the figures and the rows that changed; the whole list only if other rows are on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from polaris import administration, pubsub
from polaris.domain.fleet_query import Query, SavedFilter
from polaris.models import blocking, run_blocking
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, Notify, RenderSettings, Scope, State, Topic
from polaris.rendering.fragments import Fragments
from polaris.web.fleet import cache, fragments
from polaris.web.fleet.refresher import FleetRefresher
from polaris.web.fleet.row import FleetRow
from polaris.web.fleet.view import FleetView

_FILTERS = Change(Scope.ROWS, 0)  # the saved ones may be others


@dataclass(frozen=True, slots=True)
class FleetUpdate:
    """A page of the fleet, and those of its rows that changed; None if the whole list is to be sent."""

    page: FleetView
    rows: tuple[FleetRow, ...] | None


class FleetTopic(Topic):
    """A page of the fleet. The refresher reads the database and notifies it; the topic compares page with page."""

    def __init__(self, query: Query, refresher: FleetRefresher) -> None:
        super().__init__(query)
        self.query = query
        self._refresher = refresher
        self._page: FleetView | None = None  # as it was read last
        self._has_sent_rows = False  # since the list was sent
        self._saved: tuple[SavedFilter, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        return (pubsub.RECORDS,)

    def changes(self, message: PubSubMessage) -> Change | None:
        return _FILTERS

    def opened(self, notify: Notify) -> None:
        self._refresher.follow(self, notify)

    def closed(self) -> None:
        self._refresher.unfollow(self)

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        is_whole = WHOLE in changes
        if is_whole or _FILTERS in changes:
            self._saved = administration.saved_filters()
        snapshot = self._refresher.snapshot(reload=is_whole) or cache.snapshot(now, settings.stale_after)
        update = self._update(run_blocking(snapshot.page, self.query), is_whole=is_whole)
        return State(update, is_whole=update.rows is None)

    def common(self, state: State) -> Fragments:
        if not isinstance(state.value, FleetUpdate):
            return {}
        page, changed = state.value.page, state.value.rows
        around = fragments.around(page) | fragments.filters(page)
        return around | (fragments.listed(page) if changed is None else fragments.rows(changed))

    def _update(self, page: FleetView, *, is_whole: bool) -> FleetUpdate:
        changed = None if is_whole or self._page is None else _changed_rows(self._page.rows, page.rows)
        list_revision = 0 if self._page is None else self._page.list_revision
        if changed is None:
            # A list that returns to an earlier state after rows were sent must not look like the list sent last.
            list_revision += self._has_sent_rows
            self._has_sent_rows = False
        elif changed:
            self._has_sent_rows = True
        self._page = page = replace(page, saved=self._saved, list_revision=list_revision)
        return FleetUpdate(page, changed)


class WallTopic(FleetTopic):
    """The first rows of the fleet on a screen, pushed as a whole."""

    @property
    def channels(self) -> tuple[str, ...]:
        return ()

    def common(self, state: State) -> Fragments:
        return fragments.wall(state.value.page) if isinstance(state.value, FleetUpdate) else {}


def _changed_rows(before: tuple[FleetRow, ...], now: tuple[FleetRow, ...]) -> tuple[FleetRow, ...] | None:
    """Return the rows that differ; None if other rows are on the page, or most of them changed."""
    if [(row.charger_id, row.connector) for row in before] != [(row.charger_id, row.connector) for row in now]:
        return None
    changed = tuple(row for old, row in zip(before, now, strict=True) if old != row)
    return changed if len(changed) <= len(now) / 2 else None


@blocking
def page(query: Query, now: datetime, stale_after: timedelta) -> FleetView:
    """Read a page from the database, for its first rendering: that must not depend on notifications."""
    return replace(cache.snapshot(now, stale_after).page(query), saved=administration.saved_filters())


@blocking
def wall(query: Query, now: datetime, stale_after: timedelta) -> FleetView:
    """Read what a screen shows, for its first rendering."""
    return replace(cache.snapshot(now, stale_after).page(query), is_wall=True)


@blocking
def matching(query: Query, now: datetime, stale_after: timedelta) -> list[int]:
    """Return the ids of the chargers that a filter finds, each once, in the order of their names."""
    return cache.snapshot(now, stale_after).chargers(query)
