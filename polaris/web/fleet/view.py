"""What the fleet page shows: the rows that are looked for, in an order, a page of them, and the figures on top.

Computed anew for each look: ten thousand rows take some milliseconds, and what is kept up change by change drifts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from polaris.domain.enums import ConnectorStatus
from polaris.web.fleet.row import Attention, FleetRow, seconds

PAGE_ROWS = 40
MAX_TEXT_LENGTH = 100
MAX_PAGE = 100_000

_URGENCY = attrgetter("urgency")


class Order(StrEnum):
    ATTENTION = "attention"
    NAME = "name"
    POWER = "power"
    CONTACT = "contact"


class Connectivity(StrEnum):
    ANY = ""
    ONLINE = "online"
    OFFLINE = "offline"


class Show(StrEnum):
    """What can be asked for beside a connector's own state."""

    ATTENTION = "attention"
    SESSION = "session"
    STUCK = "stuck"
    UNKNOWN = "unknown"  # a connector that has not said its state


STATES = (*Show, *ConnectorStatus)


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are looked for, which page of them, in which order. It comes from a URL: nothing in it is an error."""

    state: str = ""
    connectivity: Connectivity = Connectivity.ANY
    text: str = ""
    order: Order = Order.ATTENTION
    page: int = 1

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Query:
        """From a URL's parameters; what is not understood counts as not said."""
        state, connectivity, order = (values.get(name, "") for name in ("state", "connectivity", "order"))
        page = values.get("page", "")
        return cls(
            state=state if state in STATES else "",
            connectivity=Connectivity(connectivity) if connectivity in tuple(Connectivity) else Connectivity.ANY,
            text=" ".join(values.get("text", "").split())[:MAX_TEXT_LENGTH],
            order=Order(order) if order in tuple(Order) else Order.ATTENTION,
            page=min(max(1, int(page)), MAX_PAGE) if re.fullmatch(r"[0-9]{1,6}", page) else 1,
        )

    def parameters(self, **changes: object) -> dict[str, str]:
        """As a URL has it: what is said, and nothing that is meant anyway."""
        meant = {"order": Order.ATTENTION, "page": 1}
        said = {name: getattr(self, name) for name in self.__slots__} | changes
        return {name: str(value) for name, value in said.items() if value != meant.get(name, "")}

    @property
    def is_filtered(self) -> bool:
        return (self.state, self.connectivity, self.text) != ("", "", "")


@dataclass(frozen=True, slots=True)
class Strip:
    """The figures on top, of all the rows that are looked for. None where it cannot be counted."""

    online: int
    offline: int
    faulted: int
    sessions: int
    power_w: int | None
    unmetered: int  # sessions whose power is not known, and so not in the sum
    today_wh: int | None
    stuck: int


@dataclass(frozen=True, slots=True)
class FleetView:
    """The one argument of every fragment of the fleet's page."""

    query: Query
    rows: tuple[FleetRow, ...]
    strip: Strip
    total: int  # rows that are looked for, on all pages
    known: int  # rows that there are
    page: int
    pages: int
    drawn: int = 0  # how often the list was put together anew where its rows had been changed one by one


def select(ordered: Sequence[FleetRow], query: Query) -> FleetView:
    """The page that a query asks for, of rows in its order."""
    found = _found(ordered, query)
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(query.page, pages)
    shown = tuple(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS])
    return FleetView(query, shown, strip(found), len(found), len(ordered), page, pages)


def ordered(rows: Sequence[FleetRow], order: Order) -> Sequence[FleetRow]:
    """Rows that come in the order of their names in another; those that are equal in it stay as they are."""
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
    """The figures of these rows. A charger counts once, however many of its connectors are among them."""
    sessions = [row.session for row in rows if row.session is not None]
    powers = [session.power_w for session in sessions if session.power_w is not None]
    energies = [row.today_wh for row in rows]
    online = {row.charger_id for row in rows if row.is_online}
    return Strip(
        online=len(online),
        offline=len({row.charger_id for row in rows if not row.is_online}),
        faulted=len({row.charger_id for row in rows if row.attention is Attention.FAULT}),
        sessions=len(sessions),
        power_w=sum(powers) if powers or not sessions else None,
        unmetered=len(sessions) - len(powers),
        today_wh=None if None in energies else sum(filter(None, energies)),
        stuck=sum(session.is_stuck for session in sessions),
    )


def _found(rows: Sequence[FleetRow], query: Query) -> Sequence[FleetRow]:
    found = rows
    if query.connectivity:
        is_online = query.connectivity is Connectivity.ONLINE
        found = [row for row in found if row.is_online is is_online]
    if query.state:
        found = _in_state(found, query.state)
    for word in query.text.casefold().split():
        found = [row for row in found if word in row.searched]
    return found


def _in_state(rows: Sequence[FleetRow], state: str) -> Sequence[FleetRow]:
    match state:
        case Show.ATTENTION:
            return [row for row in rows if row.attention > Attention.NOTE]
        case Show.SESSION:
            return [row for row in rows if row.session is not None]
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
