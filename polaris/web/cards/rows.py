"""The page of cards, and its rows, as its templates take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from polaris.domain import filters
from polaris.lists.cards import CardFilter, CardRow
from polaris.lists.search import Counted

SHOWN_TAPS = 10  # unknown cards, unless all are asked for: there may be a hundred


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter, a place in its list, and how many of the unknown cards, as a URL gives them."""

    rows: CardFilter
    before: int | None = None
    has_all_taps: bool = False

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        before = filters.number(values.get("before", ""))
        return cls(CardFilter.of(values), before, values.get("taps") == "all")

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL."""
        place = {"before": self.before, "taps": "all" if self.has_all_taps else ""}
        return self.rows.parameters() | filters.parameters(place)


@dataclass(frozen=True, slots=True)
class Tap:
    """An unknown card that a charger asked about. `printed` is a known card with its bytes turned round."""

    number: int
    card: str
    charger: str
    times: int
    last_at: datetime
    printed: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class CardsPage:
    """A page of the list, and the unknown cards. `next_id` is where older cards go on."""

    wanted: Wanted
    rows: list[CardRow]
    next_id: int | None
    count: Counted
    taps: list[Tap]
    all_taps: int

    @property
    def is_filtered(self) -> bool:
        return self.wanted.rows != CardFilter()
