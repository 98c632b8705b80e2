"""Changes of prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from polaris import administration
from polaris.administration import tariff_words
from polaris.administration.chargers import MAIN_SITE
from polaris.administration.sites import find_site, last_tariff
from polaris.administration.tariffs import MAX_GRACE_MIN, AskedPrices, checked_prices
from polaris.domain.arguments import NAMED, StrictStruct
from polaris.domain.tariff import Prices
from polaris.domain.window_text import EXAMPLE
from polaris.models import blocking
from polaris.verbs.sites import SiteName, site_names
from polaris.verbs.verb import REVISION, Done, Request, Values, Verb

ABOUT_WINDOWS = (
    f"Other prices of a kWh and of a minute by weekday and time at the site, a line each: {EXAMPLE}. Days are Mon, "
    "Mon-Fri, Sat,Sun or daily, and end at 24:00. If the minute is left out, it costs what it does at all other times."
)
ABOUT_IDLING = "From the end of the grace until the session ends, if the car takes no more. It is added to the others."
Price = Annotated[Decimal, Meta(description="Before tax, in the site's currency.")]


class SetTariff(StrictStruct, frozen=True, kw_only=True):
    """Set the prices, before tax and in the site's currency, of the sessions that start from now on."""

    site: SiteName = MAIN_SITE
    per_kwh: Annotated[Decimal, NAMED, Meta(title="Price of a kWh", description="Before tax, in the site's currency.")]
    per_minute: Annotated[Price, Meta(title="Price of a minute")] = Decimal(0)
    per_session: Annotated[Price, Meta(title="Price of a session")] = Decimal(0)
    windows: Annotated[
        tuple[Annotated[str, Meta(description=ABOUT_WINDOWS)], ...],
        Meta(title="Prices at some times"),
    ] = ()
    idle_per_minute: Annotated[Decimal, Meta(title="Price of a minute after charging", description=ABOUT_IDLING)] = (
        Decimal(0)
    )
    idle_grace_min: Annotated[
        int,
        Meta(title="Grace", description="Minutes after charging that cost nothing more.", ge=0, le=MAX_GRACE_MIN),
    ] = 0
    tax: Annotated[Decimal, Meta(title="Tax in percent", description="It comes on top.")] = Decimal(0)


def checked(asked: SetTariff, currency: str, time_zone: str) -> Prices:
    """Return the prices that were asked for. Raise `Refused` if no tariff can have them."""
    return checked_prices(currency, time_zone, **_asked(asked))


def _asked(asked: SetTariff) -> AskedPrices:
    return {
        "per_kwh": asked.per_kwh,
        "per_minute": asked.per_minute,
        "per_session": asked.per_session,
        "tax_percent": asked.tax,
        "idle_per_minute": asked.idle_per_minute,
        "idle_grace_min": asked.idle_grace_min,
        "windows": asked.windows,
    }


def _set_tariff(request: Request, asked: SetTariff) -> Done:
    before = _in_force(asked.site)
    prices = administration.set_tariff(asked.site, **_asked(asked), **request.audited)
    sentence = (
        f"From now on at {asked.site}: {asked.per_kwh} {prices.currency} per kWh, {asked.per_minute} per minute, "
        f"{asked.per_session} per session, plus {asked.tax} % tax."
    )
    if asked.windows:
        sentence += f" At some times: {'; '.join(tariff_words.window_lines(prices))}."
    if asked.idle_per_minute:
        sentence += f" After charging: {asked.idle_per_minute} per minute, from {asked.idle_grace_min} min on."
    return Done(f"{sentence} Before: {before}." if before else sentence)


@blocking
def _in_force(name: str) -> str:
    """Return a site's newest prices in words, "" if it has none."""
    last = last_tariff(find_site(name))
    return "" if last is None else tariff_words.detail(last.prices())


@blocking
def _present_prices(name: str) -> Values:
    """Return the site's newest prices, unless they are in another currency: those are no prices to go on with.

    Its revision, currency and zone show a form that was made before a change.
    """
    site = find_site(name)
    last = last_tariff(site)
    of_site = {"currency": site.currency, "time_zone": site.time_zone}
    if last is None:
        return of_site
    of_site[REVISION] = str(last.id)
    if last.currency != site.currency:
        return of_site
    return {
        "per_kwh": str(last.per_kwh),
        "per_minute": str(last.per_minute),
        "per_session": str(last.per_session),
        "windows": "\n".join(tariff_words.window_lines(last.prices())),
        "idle_per_minute": str(last.idle_per_minute),
        "idle_grace_min": str(last.idle_grace_s // 60),
        "tax": str(last.tax_percent),
    } | of_site


VERBS = {
    "set": Verb(SetTariff, "Set prices", _set_tariff, _present_prices, choices={"site": site_names}, is_whole=True)
}
