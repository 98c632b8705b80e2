"""Sites and what energy costs there. A tariff never changes: another price is another version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import available_timezones

from polaris.administration.audit import Refused, checked_name, record
from polaris.models import Site, Tariff, blocking, database

HIGHEST_PRICE = Decimal(100_000)
HIGHEST_TAX = Decimal(100)
MAX_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class SiteSet:
    """A site after `set_site`; `priced_in` is the currency of its tariff, "" where it has none."""

    name: str
    time_zone: str
    currency: str
    is_new: bool
    priced_in: str


@blocking
def set_site(
    name: str, *, time_zone: str | None = None, currency: str | None = None, actor: str, now: datetime
) -> SiteSet:
    """Make or change a site. What is None stays as it is."""
    name = checked_name(name)
    values = _checked(time_zone, currency)
    with database.atomic():
        site, is_new = Site.get_or_create(name=name, defaults=values)
        if values and not is_new:
            Site.update(**values).where(Site.id == site.id).execute()
        if values or is_new:
            detail = ", ".join(f"{column}: {value}" for column, value in values.items())
            record(actor, "site.added" if is_new else "site.changed", name, now, detail)
        site = Site.get_by_id(site.id)
        tariff = Tariff.select().where(Tariff.site == site).order_by(Tariff.id.desc()).first()
    return SiteSet(site.name, site.time_zone, site.currency, is_new, tariff.currency if tariff else "")


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
    prices = {
        "per_kwh": _amount(per_kwh, HIGHEST_PRICE),
        "per_minute": _amount(per_minute, HIGHEST_PRICE),
        "per_session": _amount(per_session, HIGHEST_PRICE),
        "tax_percent": _amount(tax_percent, HIGHEST_TAX),
    }
    with database.atomic():
        place = find_site(site)
        Tariff.create(site=place, currency=place.currency, valid_from_at=now, **prices)
        detail = ", ".join(f"{name}: {price}" for name, price in prices.items())
        record(actor, "tariff.set", place.name, now, f"{place.currency}, {detail}")
    currency: str = place.currency
    return currency


def find_site(name: str) -> Site:
    """The site of that name, in the caller's transaction; raise `Refused` where there is none."""
    site: Site | None = Site.get_or_none(Site.name == name.replace("\0", "").strip())
    if site is None:
        raise Refused(f"There is no site {name}.")
    return site


def _checked(time_zone: str | None, currency: str | None) -> dict[str, str]:
    values = {}
    if time_zone is not None:
        if time_zone not in available_timezones():
            raise Refused(f"There is no time zone {time_zone}. One is called Europe/Berlin, for example.")
        values["time_zone"] = time_zone
    if currency is not None:
        if not re.fullmatch(r"[A-Za-z]{3}", currency):
            raise Refused("A currency is three letters, EUR for example.")
        values["currency"] = currency.upper()
    return values


def _amount(value: Decimal, highest: Decimal) -> Decimal:
    if not value.is_finite() or not 0 <= value <= highest or -value.as_tuple().exponent > MAX_DECIMALS:
        raise Refused(f"{value} is not a number from 0 to {highest} with at most {MAX_DECIMALS} decimals.")
    return abs(value)
