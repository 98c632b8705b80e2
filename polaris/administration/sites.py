"""Sites and what energy costs there. A tariff never changes: another price is another version."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import available_timezones

from polaris.administration.audit import Refused, checked_name, record
from polaris.domain.tariff import Prices
from polaris.models import Charger, ChargingSession, Site, Tariff, blocking, database

MAX_PRICE = Decimal(100_000)
MAX_TAX_PERCENT = Decimal(100)
MAX_DECIMALS = 6
MAX_ADDRESS_LENGTH = 255


@dataclass(frozen=True, slots=True)
class UpdatedSite:
    """A site after `set_site`.

    `priced_in` is the currency of its tariff, "" if it has none; `has_other_zone` tells that its days are others now.
    """

    name: str
    time_zone: str
    currency: str
    is_new: bool
    priced_in: str
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
        site, is_new = Site.get_or_create(name=name, defaults=values)  # type: ignore[no-untyped-call]
        changed = {column: value for column, value in values.items() if getattr(site, column) != value}
        if is_new:
            record(actor, "site.added", name, now, ", ".join(f"{column}: {value}" for column, value in values.items()))
        elif changed:
            Site.update(changed).where(Site.id == site.id).execute()
            detail = ", ".join(f"{column}: {getattr(site, column)} to {value}" for column, value in changed.items())
            record(actor, "site.changed", name, now, detail)
        site = Site.get_by_id(site.id)
        tariff = last_tariff(site)
    priced_in = tariff.currency if tariff else ""
    has_other_zone = "time_zone" in changed
    return UpdatedSite(site.name, site.time_zone, site.currency, is_new, priced_in, has_other_zone)


@blocking
def rename_site(name: str, new_name: str, *, actor: str, now: datetime) -> None:
    """Give a site another name; everything that is its stays."""
    new_name = checked_name(new_name)
    with database.atomic():
        site = find_site(name)
        if site.name == new_name:
            return
        if Site.select().where(Site.name == new_name).exists():
            raise Refused(f"There is a site {new_name} already.")
        Site.update(name=new_name).where(Site.id == site.id).execute()
        record(actor, "site.renamed", site.name, now, new_name)


@blocking
def delete_site(name: str, *, actor: str, now: datetime) -> None:
    """Delete a site with its tariffs. Raise `Refused` if chargers are there, or there were sessions."""
    with database.atomic():
        try:
            site = find_site(name)
        except Refused as refused:
            raise Refused(f"{refused} It may have been deleted already.") from None
        chargers = Charger.select().where(Charger.site == site).count()
        if chargers:
            raise Refused(f"Chargers at {site.name}, retired ones included: {chargers}. Move them first.")
        if ChargingSession.select().where(ChargingSession.site == site).exists():
            raise Refused(f"There were sessions at {site.name}: it has to stay for accounting.")
        last = last_tariff(site)
        versions = Tariff.delete().where(Tariff.site == site).execute()
        Site.delete().where(Site.id == site.id).execute()
        record(actor, "site.deleted", site.name, now, _deleted_words(site, versions, last))


@blocking
def set_tariff(
    site: str,
    *,
    per_kwh: Decimal,
    per_minute: Decimal = Decimal(0),
    per_session: Decimal = Decimal(0),
    tax_percent: Decimal = Decimal(0),
    actor: str,
    now: datetime,
) -> str:
    """Set the prices, before tax, of the sessions that start from now on; return their currency, the site's."""
    with database.atomic():
        row = find_site(site)
        prices = checked_prices(row.currency, per_kwh, per_minute, per_session, tax_percent)
        last = last_tariff(row)
        if last is None or last.prices() != prices:
            Tariff.create(site=row, valid_from_at=now, **asdict(prices))
            before = "none" if last is None else price_words(last.prices())
            record(actor, "tariff.set", row.name, now, f"{before} to {price_words(prices)}")
    return prices.currency


def checked_prices(
    currency: str, per_kwh: Decimal, per_minute: Decimal, per_session: Decimal, tax_percent: Decimal
) -> Prices:
    """Return prices that a tariff can have. Raise `Refused`."""
    return Prices(
        currency,
        _amount("Price of a kWh", per_kwh, MAX_PRICE),
        _amount("Price of a minute", per_minute, MAX_PRICE),
        _amount("Price of a session", per_session, MAX_PRICE),
        _amount("Tax", tax_percent, MAX_TAX_PERCENT),
    )


def find_site(name: str) -> Site:
    """Return the site of that name, in the caller's transaction. Raise `Refused` if there is none."""
    site: Site | None = Site.get_or_none(Site.name == name.replace("\0", "").strip())
    if site is None:
        raise Refused(f"There is no site {name}.")
    return site


def price_words(prices: Prices) -> str:
    """Return prices as the audit log has them."""
    parts = (f"{name}: {price}" for name, price in asdict(prices).items() if name != "currency")
    return f"{prices.currency}, {', '.join(parts)}"


def _deleted_words(site: Site, versions: int, last: Tariff | None) -> str:
    """Return what is gone with a site as the audit log has it: of its tariffs the last one, and their number."""
    detail = f"time_zone: {site.time_zone}, currency: {site.currency}, address: {site.address}"
    return detail if last is None else f"{detail}; tariffs: {versions}, the last: {price_words(last.prices())}"


def last_tariff(site: Site) -> Tariff | None:
    """Return a site's newest prices, in the caller's transaction."""
    tariff: Tariff | None = Tariff.select().where(Tariff.site == site).order_by(Tariff.id.desc()).first()
    return tariff


def _checked(time_zone: str | None, currency: str | None, address: str | None) -> dict[str, str]:
    values = {}
    if time_zone is not None:
        if time_zone not in available_timezones():
            raise Refused(f"There is no time zone {time_zone}. One is called Europe/Berlin, for example.")
        values["time_zone"] = time_zone
    if currency is not None:
        if not re.fullmatch(r"[A-Za-z]{3}", currency):
            raise Refused("A currency is three letters, EUR for example.")
        values["currency"] = currency.upper()
    if address is not None:
        if len(address) > MAX_ADDRESS_LENGTH or not address.isprintable():
            raise Refused(f"An address has at most {MAX_ADDRESS_LENGTH} characters on one line.")
        values["address"] = address.strip()
    return values


def _amount(name: str, value: Decimal, maximum: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent  # a letter if the value is not finite
    if not isinstance(exponent, int) or not 0 <= value <= maximum or -exponent > MAX_DECIMALS:
        raise Refused(f"{name}: {value} is not a number from 0 to {maximum} with at most {MAX_DECIMALS} decimals.")
    return abs(value)
