"""Sites and what energy costs there. A tariff never changes: another price is another version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import available_timezones

from polaris.administration.audit import Refused, checked_name, record
from polaris.models import Site, Tariff, blocking, database

MAX_PRICE = Decimal(100_000)
MAX_TAX_PERCENT = Decimal(100)
MAX_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class UpdatedSite:
    """A site after `set_site`; `priced_in` is the currency of its tariff, "" if it has none."""

    name: str
    time_zone: str
    currency: str
    is_new: bool
    priced_in: str


@blocking
def set_site(
    name: str, *, time_zone: str | None = None, currency: str | None = None, actor: str, now: datetime
) -> UpdatedSite:
    """Add or change a site; a value of None is left unchanged."""
    name = checked_name(name)
    values = _checked(time_zone, currency)
    with database.atomic():
        site, is_new = Site.get_or_create(name=name, defaults=values)  # type: ignore[no-untyped-call]
        if values and not is_new:
            Site.update(**values).where(Site.id == site.id).execute()
        if values or is_new:
            detail = ", ".join(f"{column}: {value}" for column, value in values.items())
            record(actor, "site.added" if is_new else "site.changed", name, now, detail)
        site = Site.get_by_id(site.id)
        tariff = Tariff.select().where(Tariff.site == site).order_by(Tariff.id.desc()).first()
    return UpdatedSite(site.name, site.time_zone, site.currency, is_new, tariff.currency if tariff else "")


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
        "per_kwh": _amount(per_kwh, MAX_PRICE),
        "per_minute": _amount(per_minute, MAX_PRICE),
        "per_session": _amount(per_session, MAX_PRICE),
        "tax_percent": _amount(tax_percent, MAX_TAX_PERCENT),
    }
    with database.atomic():
        row = find_site(site)
        Tariff.create(site=row, currency=row.currency, valid_from_at=now, **prices)
        detail = ", ".join(f"{name}: {price}" for name, price in prices.items())
        record(actor, "tariff.set", row.name, now, f"{row.currency}, {detail}")
    currency: str = row.currency
    return currency


def find_site(name: str) -> Site:
    """Return the site of that name, in the caller's transaction. Raise `Refused` if there is none."""
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


def _amount(value: Decimal, maximum: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent  # a letter if the value is not finite
    if not isinstance(exponent, int) or not 0 <= value <= maximum or -exponent > MAX_DECIMALS:
        raise Refused(f"{value} is not a number from 0 to {maximum} with at most {MAX_DECIMALS} decimals.")
    return abs(value)
