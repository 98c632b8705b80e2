"""The fleet as operators watch it: a topic for each filter, order and page, over the process's one board.

What is pushed is the strip, and the rows that changed; the list as a whole only where other rows are on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.models import blocking, run_blocking
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, RenderSettings, State
from polaris.rendering.fragments import Fragments
from polaris.web.fleet import cache, fragments
from polaris.web.fleet.refresher import FleetRefresher
from polaris.web.fleet.row import FleetRow
from polaris.web.fleet.view import FleetView, Query

FLEET_READ = "fleet.read"  # said within a process alone
NEWS = 1  # among what changed: the board was read


@dataclass(slots=True)
class Drawn:
    """What the pages that watch a topic show."""

    page: FleetView | None = None
    is_patched: bool = False  # rows were sent by themselves since the list was


@dataclass(frozen=True, slots=True)
class Changes:
    """A page, and which of its rows are new; None where the list is to be drawn as a whole."""

    page: FleetView
    rows: tuple[FleetRow, ...] | None


@dataclass(frozen=True, slots=True)
class FleetTopic:
    """A page of the fleet, as filtered and ordered. The board reads; here it is only looked at."""

    query: Query
    board: FleetRefresher = field(compare=False)
    drawn: Drawn = field(default_factory=Drawn, compare=False)
    channels: ClassVar[tuple[str, ...]] = (pubsub.ALL_SESSIONS, pubsub.ALL_CHARGERS)
    pace_s: ClassVar[float] = 0.0  # the board has its own

    def follow(self, *, is_followed: bool) -> None:
        """Somebody begins to watch it, or nobody does any longer."""
        self.board.follow(is_followed=is_followed)

    def concerns(self, hint: PubSubMessage) -> int | None:
        """What a hint names is read by the board, which then says so."""
        if hint.kind == FLEET_READ:
            return NEWS
        if hint.kind == pubsub.CHARGER_CHANGED:
            self.board.note_charger(int(hint.data["charger"]))
        elif hint.kind in (pubsub.SESSION_CHANGED, pubsub.SESSIONS_CHANGED):
            self.board.note_session(int(hint.data["session"]))
        return None

    def read(self, changed: frozenset[int], now: datetime, settings: RenderSettings) -> State:
        snapshot = self.board.look(anew=WHOLE in changed) or cache.snapshot(now, settings.stale_after)
        changes = self._changes(run_blocking(snapshot.page, self.query), is_whole=WHOLE in changed)
        return State(changes, is_whole=changes.rows is None)

    def shared(self, state: State) -> Fragments:
        if not isinstance(state.value, Changes):
            return {}
        page, changed = state.value.page, state.value.rows
        return fragments.around(page) | (fragments.listed(page) if changed is None else fragments.rows(changed))

    def own(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        return {}

    def _changes(self, page: FleetView, *, is_whole: bool) -> Changes:
        before = self.drawn.page
        changed = None if is_whole or before is None else _changed(before.rows, page.rows)
        drawn = 0 if before is None else before.drawn
        if changed is None:
            # The same list again, after its rows went out by themselves, must not pass for one that was sent already.
            drawn += self.drawn.is_patched
            self.drawn.is_patched = False
        elif changed:
            self.drawn.is_patched = True
        self.drawn.page = page = replace(page, drawn=drawn)
        return Changes(page, changed)


def _changed(before: tuple[FleetRow, ...], now: tuple[FleetRow, ...]) -> tuple[FleetRow, ...] | None:
    """The rows that are not as they were; None where others are shown, or most changed."""
    if [(row.charger_id, row.connector) for row in before] != [(row.charger_id, row.connector) for row in now]:
        return None
    changed = tuple(row for old, row in zip(before, now, strict=True) if old != row)
    return changed if len(changed) <= len(now) / 2 else None


@blocking
def page(query: Query, now: datetime, stale_after: timedelta) -> FleetView:
    """The page as it is now, read for this once: a first page owes nothing to hints."""
    return cache.snapshot(now, stale_after).page(query)
