"""Sentences of the product, which know the text and the values that they are made of. Pure.

A sentence is a string in English, as the command line and the logs have it. `rendering.translations.said` puts it into
a reader's language. So nothing has to know who will read it when it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from polaris.domain.instants import minute_text

Value = str | int | datetime


def N_(text: str) -> str:  # noqa: N802 - the name that Babel looks for
    """Mark a text that is translated where it is shown."""
    return text


class Sentence(str):
    """A text of the catalogs with values by their names, `%(name)s`. A value may be a sentence of its own.

    One that counts something has its plural and the number.
    """

    text: str
    values: Mapping[str, Value]
    plural: str
    number: int

    def __new__(cls, text: str, values: Mapping[str, Value], plural: str = "", number: int = 1) -> Sentence:
        english = plural if plural and number != 1 else text
        sentence = super().__new__(cls, english % plain(values) if values else english)
        sentence.text, sentence.values, sentence.plural, sentence.number = text, values, plural, number
        return sentence


def say(text: str, /, **values: Value) -> Sentence:
    """Return a text with its values. The catalogs have the texts that stand in a call of this."""
    return Sentence(text, values)


def say_count(singular: str, plural: str, number: int, /, **values: Value) -> Sentence:
    """Return a text that counts something, `%(num)s`, with its values."""
    return Sentence(singular, {"num": number, **values}, plural, number)


def together(*sentences: str, between: str = " ") -> Sentence:
    """Return sentences that stand one after the other; empty ones are left out."""
    parts = {f"part{place}": sentence for place, sentence in enumerate(filter(None, sentences))}
    return Sentence(between.join(f"%({name})s" for name in parts), parts)


def plain(values: Mapping[str, Value]) -> dict[str, str | int]:
    """Return values as sentences of all languages have them, unless a front writes instants its own way."""
    return {name: minute_text(value) if isinstance(value, datetime) else value for name, value in values.items()}


class Problem(ValueError):
    """An error in a sentence for the person who can correct it."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence if isinstance(sentence, Sentence) else say(sentence)
