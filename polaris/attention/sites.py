"""Sites that need a person: those of which this system does not know the time zone any more."""

from __future__ import annotations

from polaris.attention.item import Item, Search, verb
from polaris.domain import zones
from polaris.domain.sentences import N_, say
from polaris.models import Site

ZONE = "zone"


def unknown_zones(search: Search) -> list[Item]:
    """Return the sites whose time zone tzdata has dropped."""
    sites = Site.select(Site.id, Site.name, Site.time_zone).order_by(Site.id)
    return [_unknown(site) for site in sites if zones.known(site.time_zone) is None][: search.limit]


def _unknown(site: Site) -> Item:
    return Item(
        ZONE,
        str(site.id),
        (
            say(
                "This system does not know its time zone %(zone)s: windows of prices and days are in UTC there.",
                zone=site.time_zone,
            ),
            say("Set another one and then its prices again, or update the package tzdata and restart Polaris."),
        ),
        state=site.time_zone,
        actions=(
            verb(N_("Change the time zone"), "site", "set", site.name, name=site.name),
            verb(N_("Set prices"), "tariff", "set", "--site", site.name, "--per-kwh", "PRICE", site=site.name),
        ),
        name=site.name,
        is_of_charger=False,
    )
