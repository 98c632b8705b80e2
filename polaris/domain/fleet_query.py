"""A query of the fleet: a filter, an order and a page, as a URL and a saved filter give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import parse_qsl

from polaris.domain.enums import ConnectorStatus

MAX_TEXT_LENGTH = 100  # of a search: without it, its words could be matched against every row for seconds
MAX_PAGE = 100_000
NO_FILTER = "A filter is what the fleet's address has after its question mark, such as state=Faulted."


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


STATES = (*Show, *ConnectorStatus)


@dataclass(frozen=True, slots=True)
class Query:
    """A filter, an order and a page, as a URL gives them: any value that is not understood is ignored."""

    state: str = ""
    connectivity: Connectivity = Connectivity.ANY
    text: str = ""
    order: Order = Order.ATTENTION
    page: int = 1

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Query:
        """Parse a URL's parameters."""
        state, connectivity, order = (values.get(name, "") for name in ("state", "connectivity", "order"))
        page = values.get("page", "")
        return cls(
            state=state if state in STATES else "",
            connectivity=Connectivity(connectivity) if connectivity in tuple(Connectivity) else Connectivity.ANY,
            text=" ".join(values.get("text", "").split())[:MAX_TEXT_LENGTH],
            order=Order(order) if order in tuple(Order) else Order.ATTENTION,
            page=min(max(1, int(page)), MAX_PAGE) if re.fullmatch(r"[0-9]{1,6}", page) else 1,
        )

    @classmethod
    def checked(cls, pairs: Iterable[tuple[str, str]]) -> Query:
        """Parse parameters that somebody acts on: what is not understood must not mean the whole fleet.

        Raise ValueError, with a sentence.
        """
        values: dict[str, str] = {}
        for name, value in pairs:
            if name not in cls.__slots__:
                raise ValueError(
                    f"The fleet has no filter {name[:MAX_TEXT_LENGTH]}. It has state, connectivity and text."
                )
            if name in values:
                raise ValueError(f"The filter has {name} twice.")
            values[name] = value
        query = cls.of(values)
        for name, known in (("state", STATES), ("connectivity", Connectivity), ("order", Order)):
            value = values.get(name, "")
            if value and getattr(query, name) != value:
                names = ", ".join(filter(None, known))
                raise ValueError(f"The fleet has no {name} {value[:MAX_TEXT_LENGTH]}. It has {names}.")
        if query.text != " ".join(values.get("text", "").split()):
            raise ValueError(f"The filter's text has more than {MAX_TEXT_LENGTH} characters.")
        return query

    def parameters(self, **changes: object) -> dict[str, str]:
        """Return the parameters for a URL, without defaults."""
        defaults = {"order": Order.ATTENTION, "page": 1}
        values = {name: getattr(self, name) for name in self.__slots__} | changes
        return {name: str(value) for name, value in values.items() if value != defaults.get(name, "")}

    @property
    def is_filtered(self) -> bool:
        return (self.state, self.connectivity, self.text) != ("", "", "")

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

    "" is the whole fleet. Raise ValueError, with a sentence.
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
        raise ValueError(NO_FILTER) from None
    return Query.checked(pairs)


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter of the fleet that operators share."""

    name: str
    query: Query
