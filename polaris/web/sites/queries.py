"""The queries of the sites' pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from polaris.domain import filters
from polaris.lists import sites, tariffs
from polaris.lists.sites import ChargerPage, RetiredCharger, SiteRow
from polaris.lists.tariffs import TariffPage

SITE_ROWS = 50
CHARGER_ROWS = 25
VERSION_ROWS = 10
MAX_RETIRED = 50  # chargers that are shown; the command line has all of them
LABEL_CHARGERS = 25  # of a sheet


@dataclass(frozen=True, slots=True)
class SitesPage:
    """A page of sites: those behind the name `after`."""

    after: str
    rows: Sequence[SiteRow]
    next_name: str | None


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site's page, with its chargers behind the one that has the id `after`, and those that are retired."""

    site: SiteRow
    after: int | None
    chargers: ChargerPage
    retired: Sequence[RetiredCharger]
    has_more_retired: bool
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
    retired = sites.retired(site_id, MAX_RETIRED + 1)
    versions = tariffs.page(site_id, VERSION_ROWS)
    return SiteView(site, after, chargers, retired[:MAX_RETIRED], len(retired) > MAX_RETIRED, versions)


def sheet(site_id: int, after: int | None, now: datetime) -> Sheet | None:
    """Read the chargers of a sheet of labels; return None if there is no such site."""
    site = sites.site(site_id, now)
    return None if site is None else Sheet(site, after, sites.chargers(site_id, now, after, LABEL_CHARGERS))
