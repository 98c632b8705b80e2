"""Changes of prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, cast

from msgspec import Meta

from polaris import administration
from polaris.administration import Refused, tariff_words
from polaris.administration.chargers import MAIN_SITE
from polaris.administration.sites import find_site, last_tariff
from polaris.administration.tariff_words import LABELS, NONE
from polaris.administration.tariffs import MAX_GRACE_MIN, AskedPrices, checked_prices, price_problems
from polaris.domain.arguments import NAMED, StrictStruct
from polaris.domain.sentences import say, together
from polaris.domain.tariff import Prices
from polaris.domain.window_text import EXAMPLE
from polaris.models import blocking
from polaris.rendering.price_words import price_words
from polaris.verbs.sites import SiteName, site_names
from polaris.verbs.verb import REVISION, Done, Request, Values, Verb, Warning

ABOUT_WINDOWS = (
    f"Other prices of a kWh and of a minute by weekday and time at the site, a line each: {EXAMPLE}. Days are Mon, "
    "Mon-Fri, Sat,Sun or daily, and end at 24:00. If the minute is left out, it costs what it does at all other times. "
    f"The word {NONE} alone takes them away."
)
ABOUT_IDLING = "From the end of the grace until the session ends, if the car takes no more. It is added to the others."
ABOUT_GRACE = "Minutes after charging that cost nothing more."
MAX_TEXT = 4000  # characters of all windows: they stand in the preview's address
Price = Annotated[Decimal, Meta(description="Before tax, in the site's currency.")]


class SetTariff(StrictStruct, frozen=True, kw_only=True):
    """Set the prices, before tax and in the site's currency, of the sessions that start from now on.

    What is left out stays as it is. 0 takes a price away.
    """

    site: SiteName = MAIN_SITE
    per_kwh: Annotated[Decimal, NAMED, Meta(title=LABELS["per_kwh"], description="Before tax, in the site's currency.")]
    per_minute: Annotated[Price, Meta(title=LABELS["per_minute"])] = Decimal(0)
    per_session: Annotated[Price, Meta(title=LABELS["per_session"])] = Decimal(0)
    windows: Annotated[
        tuple[Annotated[str, Meta(description=ABOUT_WINDOWS)], ...],
        Meta(title=LABELS["windows"], extra={"max_text": MAX_TEXT}),
    ] = ()
    idle_per_minute: Annotated[Decimal, Meta(title=LABELS["idle_per_minute"], description=ABOUT_IDLING)] = Decimal(0)
    idle_grace_min: Annotated[
        int,
        Meta(
            title=LABELS["idle_grace_min"],
            description="Minutes after charging that cost nothing more.",
            ge=0,
            le=MAX_GRACE_MIN,
        ),
    ] = 0
    tax: Annotated[Decimal, Meta(title=LABELS["tax"], description="In percent. It comes on top.")] = Decimal(0)


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
        "windows": _lines(asked.windows),
    }


def _lines(windows: Sequence[str]) -> Sequence[str]:
    """Return the lines of windows, none for the word of the same name."""
    return () if [line.casefold() for line in windows] == [NONE] else windows


def _set_tariff(request: Request, asked: SetTariff) -> Done:
    before = _in_force(asked.site)
    prices = administration.set_tariff(asked.site, **_asked(asked), **request.audited)
    sentence = say("From now on at %(site)s: %(prices)s.", site=asked.site, prices=price_words(prices))
    return Done(together(sentence, say("Before: %(prices)s.", prices=price_words(before))) if before else sentence)


@blocking
def _in_force(name: str) -> Prices | None:
    last = last_tariff(find_site(name))
    return None if last is None else last.prices()


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
    return of_site if last.currency != site.currency else tariff_words.fields(last.prices()) | of_site


@blocking
def _problems(values: Mapping[str, Any]) -> Mapping[str, str]:
    """Return all that is wrong with prices as they are typed. A site that is not there is said by the change itself."""
    try:
        time_zone = find_site(values.get("site", MAIN_SITE)).time_zone
    except Refused:
        return {}
    given = {_NAMES.get(name, name): _READ[name](value) for name, value in values.items() if name in _READ}
    return price_problems(time_zone, **cast("AskedPrices", given))


@blocking
def _zone_warning(asked: Values) -> Warning | None:
    """Ask before prices by time of day come under another clock: the site's, which has changed since they were set."""
    site = find_site(asked["site"])
    last = last_tariff(site)
    schedule = None if last is None else last.prices().schedule
    if schedule is None or schedule.zone == site.time_zone or asked.get("windows", "").casefold() in ("", NONE):
        return None
    return Warning(
        say(
            "So far, prices at some times at %(name)s were by the clock of %(zone)s. From now on they "
            "are by that of %(time_zone)s. Is every line right?",
            name=site.name,
            zone=schedule.zone,
            time_zone=site.time_zone,
        )
    )


_NAMES = {"tax": "tax_percent"}
_READ: dict[str, Callable[[Any], Any]] = dict.fromkeys(LABELS, Decimal) | {"idle_grace_min": int, "windows": _lines}

VERBS = {
    "set": Verb(
        SetTariff,
        say("Set prices"),
        _set_tariff,
        _present_prices,
        _zone_warning,
        choices={"site": site_names},
        is_whole=True,
        problems=_problems,
    )
}
