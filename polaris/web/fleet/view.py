"""The view of the fleet page: the rows that match a query, in its order, one page of them, and their figures.

Computed from scratch each time: ten thousand rows take a few milliseconds, and incremental figures would drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from polaris.domain.fleet_query import Connectivity, Order, Query, SavedFilter, Show
from polaris.web.fleet.row import Attention, FleetRow, seconds

PAGE_ROWS = 40
WALL_ROWS = 24  # what fits on a screen, on which nobody scrolls

_URGENCY = attrgetter("urgency")


@dataclass(frozen=True, slots=True)
class Strip:
    """The figures of all rows that match. A figure is None if it cannot be known."""

    online: int
    offline: int
    faulted: int
    sessions: int
    power_w: int | None
    unmetered: int  # sessions whose power is unknown, and so not in the sum
    today_wh: int | None
    unknown_today: int  # sessions whose energy is unknown, and so not in the sum
    stuck: int

    @property
    def is_incomplete(self) -> bool:
        """Whether the sum of power leaves out sessions."""
        return self.unmetered > 0 and self.power_w is not None


@dataclass(frozen=True, slots=True)
class FleetView:
    """The fleet page: the argument of each of its fragments."""

    query: Query
    rows: tuple[FleetRow, ...]
    strip: Strip
    total: int  # rows that match, on all pages
    known: int  # rows altogether
    page: int
    pages: int
    saved: tuple[SavedFilter, ...] = ()
    is_wall: bool = False  # nothing on it can be pressed
    list_revision: int = 0  # counts whole lists that were sent after single rows had been

    @property
    def wall_rows(self) -> tuple[FleetRow, ...]:
        return self.rows[:WALL_ROWS]

    @property
    def current(self) -> str:
        """The name of the saved filter that is shown, "" if it is none."""
        shown = self.query.first_page
        return next((saved.name for saved in self.saved if saved.query == shown), "")


def select(ordered: Sequence[FleetRow], query: Query) -> FleetView:
    """Select a query's page from rows in its order."""
    found = matching(ordered, query)
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(query.page, pages)
    rows = tuple(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS])
    return FleetView(query, rows, strip(found), len(found), len(ordered), page, pages)


def ordered(rows: Sequence[FleetRow], order: Order) -> Sequence[FleetRow]:
    """Sort rows that come in the order of their names; equal ones keep that order."""
    match order:
        case Order.NAME:
            return rows
        case Order.POWER:
            return sorted(rows, key=_power_w, reverse=True)
        case Order.CONTACT:
            return sorted(rows, key=_contact_s)
        case _:
            return sorted(rows, key=_URGENCY)


def strip(rows: Sequence[FleetRow]) -> Strip:
    """Compute the figures of rows. A charger counts once, however many of its connectors are among them."""
    every_session = [row.session for row in rows if row.session is not None]
    sessions = [session for session in every_session if not session.is_refused]
    powers = [session.power_w for session in sessions if session.power_w is not None]
    days = [row.today for row in rows]
    known_days = [day for day in days if day is not None]
    has_every_day = len(known_days) == len(days)
    online = {row.charger_id for row in rows if row.is_online}
    return Strip(
        online=len(online),
        offline=len({row.charger_id for row in rows if not row.is_online}),
        faulted=len({row.charger_id for row in rows if row.attention is Attention.FAULT}),
        sessions=len(sessions),
        power_w=sum(powers) if powers or not sessions else None,
        unmetered=len(sessions) - len(powers),
        today_wh=sum(day.wh for day in known_days) if has_every_day else None,
        unknown_today=sum(day.unknown for day in known_days) if has_every_day else 0,
        stuck=sum(session.is_stuck for session in every_session),
    )


def matching(rows: Sequence[FleetRow], query: Query) -> Sequence[FleetRow]:
    """Return the rows that a filter finds."""
    if query.wrong:
        return ()
    if query.connectivity:
        is_online = query.connectivity is Connectivity.ONLINE
        rows = [row for row in rows if row.is_online is is_online]
    if query.state:
        rows = _in_state(rows, query.state)
    if query.site:
        rows = [row for row in rows if row.site == query.site]
    for word in query.text.casefold().split():
        rows = [row for row in rows if word in row.search_text]
    return rows


def _in_state(rows: Sequence[FleetRow], state: str) -> Sequence[FleetRow]:
    match state:
        case Show.ATTENTION:
            return [row for row in rows if row.attention > Attention.NOTE]
        case Show.SESSION:
            return [row for row in rows if row.session is not None and not row.session.is_refused]
        case Show.STUCK:
            return [row for row in rows if row.session is not None and row.session.is_stuck]
        case Show.UNKNOWN:
            return [row for row in rows if row.status == ""]
        case _:
            return [row for row in rows if row.status == state]


def _power_w(row: FleetRow) -> int:
    power_w = None if row.session is None else row.session.power_w
    return -1 if power_w is None else power_w


def _contact_s(row: FleetRow) -> float:
    return seconds(row.last_contact_at)
