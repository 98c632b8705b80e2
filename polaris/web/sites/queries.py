"""The queries of the sites' pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from polaris.domain import filters
from polaris.lists import sites, tariffs
from polaris.lists.sites import ChargerPage, SiteRow
from polaris.lists.tariffs import TariffPage

SITE_ROWS = 50
CHARGER_ROWS = 25
VERSION_ROWS = 10
LABEL_CHARGERS = 25  # of a sheet


@dataclass(frozen=True, slots=True)
class SitesPage:
    """A page of sites: those behind the name `after`."""

    after: str
    rows: Sequence[SiteRow]
    next_name: str | None


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site's page, with its chargers behind the one that has the id `after`."""

    site: SiteRow
    after: int | None
    chargers: ChargerPage
    versions: TariffPage


@dataclass(frozen=True, slots=True)
class Sheet:
    """The chargers of a sheet of labels."""

    site: SiteRow
    after: int | None
    chargers: ChargerPage


def index(after: str, now: datetime) -> SitesPage:
    """Read a page of sites."""
    after = filters.text(after)
    return SitesPage(after, *sites.page(now, after, SITE_ROWS))


def show(site_id: int, after: int | None, now: datetime) -> SiteView | None:
    """Read a site's page; return None if there is no such site."""
    site = sites.site(site_id, now)
    if site is None:
        return None
    chargers = sites.chargers(site_id, now, after, CHARGER_ROWS)
    return SiteView(site, after, chargers, tariffs.page(site_id, VERSION_ROWS))


def sheet(site_id: int, after: int | None, now: datetime) -> Sheet | None:
    """Read the chargers of a sheet of labels; return None if there is no such site."""
    site = sites.site(site_id, now)
    return None if site is None else Sheet(site, after, sites.chargers(site_id, now, after, LABEL_CHARGERS))
