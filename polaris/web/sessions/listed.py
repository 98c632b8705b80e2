"""The operators' list of sessions: the view of a page, its reading, and the batches of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from polaris.domain import filters, zones
from polaris.lists import session_lines, session_totals, sessions
from polaris.lists.search import Counted
from polaris.lists.session_lines import SessionLine
from polaris.lists.session_totals import Totals
from polaris.lists.sessions import OwnFilter, SessionFilter
from polaris.models import Site, blocking
from polaris.web.csv_export import Batch, Cell

PAGE_ROWS = 50
NO_PLACE = -1  # of a list, for what is no session's number: no session is older
MAX_TOTALLED_UNASKED = 1000  # sessions; without it, every look at a long list would add up thousands
TOTALS_AGE_S = 30  # of those that were asked for, on a page that stays open
HEADER = (
    "session",
    "state",
    "driver",
    "card",
    "charger",
    "identity",
    "connector",
    "site",
    "started (UTC)",
    "ended (UTC)",
    "started (site)",
    "ended (site)",
    "time zone",
    "energy_wh",
    "duration_s",
    "cost",
    "currency",
    "in doubt",
)


class Wanted(NamedTuple):
    """A filter and a place in its list, as a URL gives them; `is_totalled` asks for totals that take a moment."""

    sessions: SessionFilter
    before: int | None = None
    is_totalled: bool = False

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        return cls(SessionFilter.of(values), _before(values), values.get("totals", "") == "1")

    @classmethod
    def of_owner(cls, owner_id: int, values: Mapping[str, str]) -> Wanted:
        """Parse the URL of a driver's list, which has the driver's own sessions alone."""
        return cls(OwnFilter.of_owner(owner_id, values), _before(values))

    def parameters(self, **changes: object) -> dict[str, str]:
        """Return the parameters of a URL."""
        place = {"before": self.before, "totals": "1" if self.is_totalled else ""} | changes
        return self.sessions.parameters() | filters.parameters(place)


def _before(values: Mapping[str, str]) -> int | None:
    place = values.get("before", "")
    return (filters.number(place) or NO_PLACE) if place else None


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """A page of the list. `next_number` is where older sessions go on; `totals` are None until they are asked for."""

    wanted: Wanted
    rows: list[SessionLine]
    next_number: int | None
    count: Counted
    totals: Totals | None

    @property
    def is_filtered(self) -> bool:
        return self.wanted.sessions.is_set


@blocking
def page(wanted: Wanted, now: datetime, totals: Totals | None = None) -> SessionsPage:
    """Read a page. Totals that were asked for, and are given, are not computed again."""
    found = sessions.page(wanted.sessions, PAGE_ROWS, wanted.before)
    count = sessions.count(wanted.sessions)
    is_short = count.number <= MAX_TOTALLED_UNASKED and not count.has_more
    if is_short or (wanted.is_totalled and totals is None):
        totals = session_totals.totals(wanted.sessions, now)
    return SessionsPage(wanted, session_lines.of_numbers(found.keys, now), found.next_key, count, totals)


@blocking
def sites() -> list[tuple[str, str]]:
    """Return the choices of the filter by site."""
    return [(site.name, site.name) for site in Site.select(Site.name).order_by(Site.name)]


@blocking
def batch(wanted: SessionFilter, limit: int, after: int | None, now: datetime) -> Batch[int]:
    """Read a batch of the file."""
    found = sessions.page(wanted, limit, after)
    return [cells(line) for line in session_lines.of_numbers(found.keys, now)], found.next_key


def cells(line: SessionLine) -> tuple[Cell, ...]:
    """Return a line of the file. An amount is written with a point, whatever the language."""
    zone = zones.zone(line.time_zone)
    return (
        line.number,
        line.badge,
        line.driver,
        line.card,
        line.charger_name,
        line.charger_identity,
        line.connector,
        line.site,
        *(_clock(at, zone) for zone in (UTC, zone) for at in (line.started_at, line.ended_at)),
        str(zone),
        line.energy_wh,
        line.duration_s,
        None if line.cost is None else str(line.cost.amount),
        None if line.cost is None else line.cost.currency,
        "; ".join([*(["estimate"] if line.is_estimated else []), *line.notes]),
    )


def _clock(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
