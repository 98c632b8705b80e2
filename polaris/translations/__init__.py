"""The catalogs of translations, and texts for a letter, which has a language and no request. It knows no Flask.

The catalogs are `<language>.po` beside this, read when a language is first asked for; English has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from polaris.domain.languages import ENGLISH, NAMES

DIRECTORY = Path(__file__).parent


@cache
def catalog(language: str) -> NullTranslations:
    """Return the translations to a language; of English, none."""
    if language not in NAMES or language == ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    with (DIRECTORY / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


@dataclass(frozen=True, slots=True)
class Texts:
    """The product's texts in one language."""

    language: str

    @classmethod
    def of(cls, language: str) -> Texts:
        """Return the texts of a language, or of English if there is no such one."""
        return cls(language if language in NAMES else ENGLISH)

    def gettext(self, text: str, **values: object) -> str:
        """Translate a text."""
        translated: str = catalog(self.language).ugettext(text)
        return translated % values if values else translated
