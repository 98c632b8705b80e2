"""Currencies by their ISO 4217 codes."""

from __future__ import annotations

from functools import lru_cache

from babel.core import get_global
from babel.numbers import get_territory_currencies


@lru_cache(maxsize=1)
def codes() -> frozenset[str]:
    """Return the currencies that somebody pays with today (CLDR): none of the past, no metal, no code for tests."""
    territories = get_global("territory_currencies")
    return frozenset(code for each in territories for code in get_territory_currencies(each))
