"""Verbs for sites and tariffs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from polaris import administration
from polaris.administration.sites import find_site, renamed_to, site_to_delete, spelt
from polaris.domain import zones
from polaris.domain.arguments import StrictStruct
from polaris.domain.sentences import N_, say, together
from polaris.models import Site, blocking
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

MAX_CHOICES = 500  # in a form's list; a site beyond it is typed

ABOUT_ZONES = (
    "An IANA name, such as Europe/Berlin. With another one, today and the days of lists and sums are counted anew; "
    "instants, energies and costs stay, and prices by time of day keep to the old one until they are set again."
)
SiteName = Annotated[str, Meta(title="Site", description="The site's name.", max_length=200)]


class SetSite(StrictStruct, frozen=True):
    """Add a site, or change its time zone, currency or address."""

    name: SiteName
    time_zone: Annotated[str, Meta(description=ABOUT_ZONES, max_length=100)] | None = None
    currency: Annotated[str, Meta(description="Three letters, such as EUR.", max_length=3)] | None = None
    address: (
        Annotated[str, Meta(description="Where it is, as drivers read it; emptied, it is removed.", max_length=255)]
        | None
    ) = None


class RenameSite(StrictStruct, frozen=True):
    """Give a site another name. Its chargers, tariffs and sessions stay."""

    name: SiteName
    new_name: Annotated[str, Meta(description="1 to 100 characters.", max_length=100)]


class DeleteSite(StrictStruct, frozen=True):
    """Delete a site that has no chargers and no sessions. Its tariffs go with it."""

    name: SiteName


def _set_site(request: Request, asked: SetSite) -> Done:
    updated = administration.set_site(
        asked.name, time_zone=asked.time_zone, currency=asked.currency, address=asked.address, **request.audited
    )
    new = N_("A new site %(name)s was made: %(time_zone)s, %(currency)s.")
    text = new if updated.is_new else N_("Site %(name)s: %(time_zone)s, %(currency)s.")
    told = [say(text, name=updated.name, time_zone=updated.time_zone, currency=updated.currency)]
    if updated.has_other_zone:
        told.append(say("Today and the days of lists and sums are counted in this time zone from now on."))
    if updated.timed_in and updated.timed_in != updated.time_zone:
        text = N_("Its prices by time of day keep to %(time_zone)s until they are set again.")
        told.append(say(text, time_zone=updated.timed_in))
    if updated.priced_in and updated.priced_in != updated.currency:
        text = N_("Its tariff is still in %(priced_in)s. Set one in %(currency)s.")
        told.append(say(text, priced_in=updated.priced_in, currency=updated.currency))
    return Done(together(*told))


def _rename(request: Request, asked: RenameSite) -> Done:
    administration.rename_site(asked.name, asked.new_name, **request.audited)
    return Done(say("Site %(name)s is called %(new_name)s.", name=asked.name, new_name=asked.new_name.strip()))


def _delete(request: Request, asked: DeleteSite) -> Done:
    administration.delete_site(asked.name, **request.audited)
    return Done(say("Site %(name)s was deleted.", name=asked.name))


@blocking
def site_names() -> Sequence[str]:
    return [site.name for site in Site.select(Site.name).order_by(Site.name).limit(MAX_CHOICES)]


def time_zones() -> Sequence[str]:
    return sorted(zones.names())


@blocking
def _present_site(name: str) -> Values:
    site = Site.get_or_none(Site.name == name.replace("\0", "").strip())
    if site is None:
        return {}
    return {"time_zone": site.time_zone, "currency": site.currency, "address": site.address}


@blocking
def _new_warning(asked: Values) -> Warning | None:
    """Say that a name is that of a new site: it may be mistyped."""
    name = asked["name"].strip()
    if spelt(name):
        return None
    return Warning(say("There is no site %(name)s yet: a new one is made.", name=name), is_asked=False)


@blocking
def _present_name(name: str) -> Values:
    return {"new_name": find_site(name).name}


@blocking
def _delete_warning(asked: Values) -> Warning:
    return Warning(say("Delete site %(name)s? Its tariffs go with it.", name=site_to_delete(asked["name"]).name))


VERBS = {
    "set": Verb(
        SetSite,
        say("Change a site"),
        _set_site,
        _present_site,
        _new_warning,
        choices={"time_zone": time_zones},
        renamed_to=renamed_to,
        anew=say("Add a site"),
    ),
    "rename": Verb(RenameSite, say("Rename a site"), _rename, _present_name, renamed_to=renamed_to),
    "delete": Verb(
        DeleteSite,
        say("Delete a site"),
        _delete,
        warning=_delete_warning,
    ),
}
