"""The queries of the tariffs' pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from polaris.lists import filters, tariffs
from polaris.lists.tariffs import TariffPage

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """A site's versions or all, and a place in their list, as a URL gives them."""

    site_id: int | None = None
    before: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        return cls(filters.number(values.get("site", "")), filters.number(values.get("before", "")))

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL, without the place."""
        return filters.parameters({"site": self.site_id})


@dataclass(frozen=True, slots=True)
class TariffsPage:
    """A page of versions."""

    wanted: Wanted
    versions: TariffPage


def page(wanted: Wanted) -> TariffsPage:
    """Read a page of versions."""
    return TariffsPage(wanted, tariffs.page(wanted.site_id, PAGE_ROWS, wanted.before))
