"""Prices in the words of their form: field by field, as they are typed and as a change of them is told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from polaris.domain import window_text
from polaris.domain.sentences import N_, Sentence, say
from polaris.domain.tariff import Prices

LABELS = {
    "per_kwh": N_("Price of a kWh"),
    "per_minute": N_("Price of a minute"),
    "per_session": N_("Price of a session"),
    "windows": N_("Prices at some times"),
    "idle_per_minute": N_("Price of a minute after charging"),
    "idle_grace_min": N_("Grace"),
    "tax": N_("Tax"),
}
OF_SITE = {"currency": N_("Currency"), "time_zone": N_("Time zone of these times")}
NONE = N_("none")
_UNITS = {"tax": " %", "idle_grace_min": " min"}


class Change(NamedTuple):
    """A field that a change gives another value, in words."""

    label: Sentence
    was: str
    now: str


def fields(prices: Prices) -> dict[str, str]:
    """Return prices as a person types them, by field."""
    return {
        "per_kwh": str(prices.per_kwh),
        "per_minute": str(prices.per_minute),
        "per_session": str(prices.per_session),
        "windows": "\n".join(_window_lines(prices)),
        "idle_per_minute": str(prices.idle_per_minute),
        "idle_grace_min": str(prices.idle_grace_s // 60),
        "tax": str(prices.tax_percent),
    }


def detail(prices: Prices) -> str:
    """Return what there is of prices, in one line."""
    said = [f"{change.label}: {change.now}" for change in changes(None, prices)]
    return ", ".join(said)


def changes(before: Prices | None, after: Prices) -> list[Change]:
    """Return each field that is another one; of first prices each that is not 0."""
    return changed({} if before is None else _all_fields(before), _all_fields(after))


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Compare the texts of two forms, of which one may have no prices yet."""
    return [
        Change(say(label), _words(name, before), _words(name, after))
        for name, label in (LABELS | OF_SITE).items()
        if _value(before.get(name, "")) != _value(after.get(name, ""))
    ]


def _all_fields(prices: Prices) -> dict[str, str]:
    zone = {"time_zone": prices.schedule.zone} if prices.schedule is not None else {}
    return fields(prices) | {"currency": prices.currency} | zone


def _value(text: str) -> Decimal | str:
    """Return what a text says: 0.40 is 0.4, and no text is 0."""
    is_number = text.replace(".", "", 1).isdecimal()
    return Decimal(text) if is_number else text or Decimal(0)


def _words(name: str, texts: Mapping[str, str]) -> str:
    text = texts.get(name, "")
    if not _value(text):
        return say(NONE)
    if name in OF_SITE or name == "windows":
        return text.replace("\n", "; ")
    return f"{text}{_UNITS.get(name) or ' ' + texts.get('currency', '')}".rstrip()


def _window_lines(prices: Prices) -> tuple[str, ...]:
    windows = prices.schedule.windows if prices.schedule is not None else ()
    return tuple(window_text.line(window, prices.per_minute) for window in windows)
