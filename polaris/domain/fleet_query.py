"""A query of the fleet: a filter, an order and a page, as a URL and a saved filter give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar
from urllib.parse import parse_qsl

from polaris.domain.enums import ConnectorStatus
from polaris.domain.filters import PLACES, Filter, Values, twice
from polaris.domain.sentences import Problem, say

MAX_TEXT_LENGTH = 100  # of a search: without it, its words could be matched against every row for seconds
MAX_PAGE = 100_000
NO_FILTER = say("A filter is what the fleet's address has after its question mark, such as state=Faulted.")


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
    """Filters beside the connector states of OCPP."""

    ATTENTION = "attention"
    SESSION = "session"
    STUCK = "stuck"
    UNKNOWN = "unknown"  # the connector never reported a state


SHOW_WORDS = {  # as the page has them
    Show.ATTENTION.value: "Needs attention",
    Show.SESSION.value: "Session running",
    Show.STUCK.value: "Stuck session",
    Show.UNKNOWN.value: "Not reported",
}
STATES = (*Show, *ConnectorStatus)


@dataclass(frozen=True, slots=True)
class Query(Filter):
    """A filter, an order and a page, as a URL gives them."""

    NAMES: ClassVar = {name: name for name in ("state", "connectivity", "site", "text", "order", "page")}

    state: str = ""
    connectivity: Connectivity = Connectivity.ANY
    site: str = ""  # name
    text: str = ""
    order: Order = Order.ATTENTION
    page: int = 1

    @classmethod
    def of(cls, values: Mapping[str, str], places: Iterable[str] = PLACES) -> Query:
        """Parse a URL's parameters. A page beyond the last is the last, and one that is no number the first."""
        read = Values(values, cls.NAMES, places)
        page = values.get("page", "")
        return cls(
            state=read.choice("state", STATES, SHOW_WORDS),
            connectivity=Connectivity(read.choice("connectivity", Connectivity)),
            site=read.text("site"),
            text=" ".join(read.text("text", MAX_TEXT_LENGTH).split()),
            order=Order(read.choice("order", Order) or Order.ATTENTION),
            page=min(max(1, int(page)), MAX_PAGE) if re.fullmatch(r"[0-9]{1,6}", page) else 1,
            wrong=read.wrong,
        )

    @classmethod
    def checked(cls, pairs: Iterable[tuple[str, str]]) -> Query:
        """Parse parameters that somebody acts on. Raise `Problem` for what is not understood."""
        values: dict[str, str] = {}
        for name, value in pairs:
            if name in values:
                raise Problem(twice(name))
            values[name] = value
        query = cls.of(values, places=())
        if query.wrong:
            raise Problem(query.wrong[0].sentence)
        return query

    def parameters(self, **changes: object) -> dict[str, str]:
        """Return the parameters for a URL, without defaults."""
        defaults = {"order": Order.ATTENTION, "page": 1}
        values = {name: getattr(self, name) for name in self.NAMES} | changes
        changed = {name: str(value) for name, value in values.items() if value != defaults.get(name, "")}
        return changed | self.wrong_parameters

    @property
    def is_filtered(self) -> bool:
        return bool(self.state or self.connectivity or self.site or self.text or self.wrong)

    @property
    def first_page(self) -> Query:
        """The query as a saved filter keeps it: everything but the page."""
        return replace(self, page=1)

    @property
    def on_wall(self) -> Query:
        """The query as a wall shows it: its first page, and nothing that was searched for, which could be a driver."""
        return replace(self, page=1, text="")


def typed(text: str) -> Query:
    """Parse a filter as somebody types it: an address of the fleet's page, or what is after its question mark.

    "" is the whole fleet. Raise `Problem`.
    """
    try:
        pairs = parse_qsl(
            text.partition("?")[2] or text.removesuffix("?"),
            keep_blank_values=True,
            strict_parsing=bool(text.strip()),
            errors="strict",
            max_num_fields=20,
        )
    except ValueError:
        raise Problem(NO_FILTER) from None
    return Query.checked(pairs)


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter of the fleet that operators share."""

    name: str
    query: Query
