"""Texts in the language of a rendering."""

from __future__ import annotations

from polaris.rendering.translations import in_language, pgettext


def test_a_word_depends_on_what_it_is_said_of() -> None:
    with in_language("es"):
        assert [pgettext(of, "Active") for of in ("account", "sessions")] == ["Activa", "Activas"]
    with in_language("fr"):
        assert [pgettext(of, "Active") for of in ("account", "card")] == ["Actif", "Active"]
    with in_language("en"):
        assert pgettext("card", "Active") == "Active"
