"""The queries of the tariffs' pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from polaris.domain import filters
from polaris.domain.filters import Filter, Values
from polaris.lists import sites, tariffs
from polaris.lists.search import Counted
from polaris.lists.tariffs import TariffPage

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Wanted(Filter):
    """A site's versions or all, and a place in their list, as a URL gives them."""

    NAMES: ClassVar = {"site": "site"}

    site: str = ""
    before: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        read = Values(values, cls.NAMES)
        return cls(sites.wanted(read), filters.number(values.get("before", "")), wrong=read.wrong)


@dataclass(frozen=True, slots=True)
class TariffsPage:
    """A page of versions."""

    wanted: Wanted
    versions: TariffPage


def page(wanted: Wanted) -> TariffsPage:
    """Read a page of versions."""
    if wanted.wrong:
        return TariffsPage(wanted, TariffPage([], None, Counted(0, has_more=False)))
    site_id = (sites.site_id(wanted.site) or 0) if wanted.site else None
    return TariffsPage(wanted, tariffs.page(site_id, PAGE_ROWS, wanted.before))
