"""Sites: places with chargers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from polaris.administration import tariff_words
from polaris.administration.audit import Refused, checked_name, newest, record
from polaris.domain import currencies, zones
from polaris.domain.sentences import say, together
from polaris.models import Charger, ChargingSession, FleetFilter, Site, Tariff, blocking, database, kept, locked

MAX_ADDRESS_LENGTH = 255


@dataclass(frozen=True, slots=True)
class UpdatedSite:
    """A site after `set_site`.

    `priced_in` is the currency of its tariff, "" if it has none, and `timed_in` the zone of that one's windows, if it
    has any; `has_other_zone` tells that its days are others now.
    """

    name: str
    time_zone: str
    currency: str
    is_new: bool
    priced_in: str
    timed_in: str
    has_other_zone: bool


@blocking
def set_site(
    name: str,
    *,
    time_zone: str | None = None,
    currency: str | None = None,
    address: str | None = None,
    actor: str,
    now: datetime,
) -> UpdatedSite:
    """Add or change a site; a value of None is left unchanged."""
    name = checked_name(name)
    values = _checked(time_zone, currency, address)
    with database.atomic():
        _refuse_other_case(name, spelt(name), "name")
        site, is_new = Site.get_or_create(name=name, defaults=values)  # type: ignore[no-untyped-call]
        changed = {column: value for column, value in values.items() if getattr(site, column) != value}
        if is_new:
            detail = ", ".join(f"{_words(column)}: {value}" for column, value in values.items())
            record(actor, "site.added", name, now, detail)
        elif changed:
            Site.update(changed).where(Site.id == site.id).execute()
            detail = ", ".join(
                f"{_words(column)}: {getattr(site, column)} to {value}" for column, value in changed.items()
            )
            record(actor, "site.changed", name, now, detail)
        site = Site.get_by_id(site.id)
        tariff = last_tariff(site)
    schedule = tariff.prices().schedule if tariff else None
    return UpdatedSite(
        site.name,
        site.time_zone,
        site.currency,
        is_new,
        priced_in=tariff.currency if tariff else "",
        timed_in=schedule.zone if schedule else "",
        has_other_zone="time_zone" in changed,
    )


@blocking
def rename_site(name: str, new_name: str, *, actor: str, now: datetime) -> None:
    """Give a site another name, also in the filters that are saved; everything that is its stays."""
    new_name = checked_name(new_name)
    with database.atomic():
        site = find_site(name)
        if site.name == new_name:
            return
        taken = spelt(new_name, besides=site.name)
        if taken == new_name:
            raise Refused(say("There is a site %(new_name)s already.", new_name=new_name), "new_name")
        _refuse_other_case(new_name, taken, "new_name")
        Site.update(name=new_name).where(Site.id == site.id).execute()
        _rename_in_filters(site.name, new_name)
        record(actor, "site.renamed", site.name, now, new_name)


def _rename_in_filters(name: str, new_name: str) -> None:
    """Have the saved filters for a site find it under its new name."""
    for row in locked(FleetFilter.select()):
        query = json.loads(row.query)
        if query.get("site") == name:
            text = json.dumps(query | {"site": new_name}, ensure_ascii=False)
            FleetFilter.update(query=text).where(FleetFilter.id == row.id).execute()


@blocking
def delete_site(name: str, *, actor: str, now: datetime) -> None:
    """Delete a site with its tariffs. Raise `Refused` if chargers are there, or there were sessions."""
    with database.atomic():
        site = locked(Site.select().where(Site.id == site_to_delete(name).id)).get()
        chargers = Charger.select().where(Charger.site == site).count()
        if chargers:
            raise Refused(
                say(
                    "Chargers at %(name)s, retired ones included: %(chargers)s. Move them first.",
                    name=site.name,
                    chargers=chargers,
                )
            )
        if ChargingSession.select().where(ChargingSession.site == site).exists():
            raise Refused(say("There were sessions at %(name)s: it has to stay for accounting.", name=site.name))
        last = last_tariff(site)
        versions = Tariff.delete().where(Tariff.site == site).execute()
        Site.delete().where(Site.id == site.id).execute()
        record(actor, "site.deleted", site.name, now, _deleted_words(site, versions, last))


def site_to_delete(name: str) -> Site:
    """Return the site of that name, in the caller's transaction. Raise `Refused` if there is none any more."""
    try:
        return find_site(name)
    except Refused as refused:
        raise Refused(together(refused.sentence, say("It may have been deleted already."))) from None


def find_site(name: str) -> Site:
    """Return the site of that name, in the caller's transaction. Raise `Refused` if there is none.

    It is not deleted before the transaction ends.
    """
    site: Site | None = kept(Site.select().where(Site.name == name.replace("\0", "").strip())).first()
    if site is None:
        raise Refused(say("There is no site %(name)s.", name=name))
    return site


def spelt(name: str, *, besides: str = "") -> str:
    """Return a site's name as it is spelt, given in any case; "" if there is none but the one `besides`.

    The caller has a connection.
    """
    alike = [site.name for site in Site.select(Site.name) if site.name.casefold() == name.casefold()]
    return name if name in alike and name != besides else next((each for each in sorted(alike) if each != besides), "")


def _refuse_other_case(name: str, taken: str, field: str) -> None:
    """Refuse a new name that differs from the one that is `taken` in case alone."""
    if taken not in ("", name):
        raise Refused(say("There is a site %(name)s already, whose name differs in case alone.", name=taken), field)


@blocking
def renamed_to(name: str) -> str:
    """Return what a site of that name was called next, by the audit log; "" if it was not renamed, or is gone."""
    row = newest("site.renamed", name.strip())
    if row is None or not Site.select().where(Site.name == row.detail).exists():
        return ""
    return str(row.detail)


def _deleted_words(site: Site, versions: int, last: Tariff | None) -> str:
    """Return what is gone with a site as the audit log has it: of its tariffs the last one, and their number."""
    detail = f"time zone: {site.time_zone}, currency: {site.currency}, address: {site.address}"
    return detail if last is None else f"{detail}; tariffs: {versions}, the last: {tariff_words.detail(last.prices())}"


def last_tariff(site: Site) -> Tariff | None:
    """Return a site's newest prices, in the caller's transaction."""
    tariff: Tariff | None = Tariff.select().where(Tariff.site == site).order_by(Tariff.id.desc()).first()
    return tariff


def _checked(time_zone: str | None, currency: str | None, address: str | None) -> dict[str, str]:
    values = {}
    if time_zone is not None:
        if time_zone not in zones.names():
            raise Refused(
                say(
                    "There is no time zone %(time_zone)s. One is called Europe/Berlin, for example.",
                    time_zone=time_zone,
                )
            )
        values["time_zone"] = time_zone
    if currency is not None:
        if currency.upper() not in currencies.codes():
            raise Refused(
                say("There is no currency %(currency)s. One is called EUR, for example.", currency=currency), "currency"
            )
        values["currency"] = currency.upper()
    if address is not None:
        if len(address) > MAX_ADDRESS_LENGTH or not address.isprintable():
            raise Refused(
                say(
                    "An address has at most %(max_address_length)s characters on one line.",
                    max_address_length=MAX_ADDRESS_LENGTH,
                )
            )
        values["address"] = address.strip()
    return values


def _words(column: str) -> str:
    return column.replace("_", " ")
