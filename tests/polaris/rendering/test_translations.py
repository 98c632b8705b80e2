"""Texts in the language of a rendering."""

from __future__ import annotations

from decimal import Decimal

from polaris.domain.price_windows import Schedule
from polaris.domain.tariff import Prices
from polaris.domain.window_text import read
from polaris.rendering.price_words import price_words
from polaris.rendering.translations import in_language, pgettext


def test_a_word_depends_on_what_it_is_said_of() -> None:
    with in_language("es"):
        assert [pgettext(of, "Active") for of in ("account", "sessions")] == ["Activa", "Activas"]
    with in_language("fr"):
        assert [pgettext(of, "Active") for of in ("account", "card")] == ["Actif", "Active"]
    with in_language("en"):
        assert pgettext("card", "Active") == "Active"


def test_a_price_at_some_time_stands_after_one_colon_at_most() -> None:
    schedule = Schedule("Europe/Madrid", read(["Mon-Fri 07:00-20:00 0.46 per kWh"], Decimal(0)))
    with in_language("es"):
        words = price_words(Prices("EUR", Decimal("0.3"), schedule=schedule))
    assert words.startswith("0,46\N{NO-BREAK SPACE}€ por kWh (lun–vie 07:00–20:00); 0,30")
