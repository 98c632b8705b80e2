"""Sentences that say what to type, in place of msgspec's messages, which name types and bounds for programmers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from polaris.domain.sentences import Sentence, say

IS_NEEDED = say("Fill this in.")
NO_INSTANT = say("This is no instant such as 2026-11-23T14:00:00Z.")
NO_AMOUNT = say("Type a number with a point before its decimals, such as 0.39.")
NO_EXPONENT = say("Type a number in digits alone, at most 12 before its point: not as 1e9.")
NO_NUMBER = say("Type a whole number.")

_AMOUNT = re.compile(r"[+-]?(?:[0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})")
_EXPONENT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_KINDS = {"int": NO_NUMBER, "float": NO_AMOUNT, "decimal": NO_AMOUNT, "datetime": NO_INSTANT}
_KINDS |= {
    "bool": say("Say yes or no."),
    "str": say("Type a text."),
    "array": say("Give a list."),
    "object": say("Give an object."),
}
_WORDS: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], Sentence]]] = [
    (
        re.compile(r"Expected `str` of length <= (\d+)"),
        lambda found: say("Type at most %(value)s characters.", value=found[1]),
    ),
    (re.compile(r"Expected `str` of length >= 1\Z"), lambda _: IS_NEEDED),
    (
        re.compile(r"Expected `str` of length >= (\d+)"),
        lambda found: say("Type at least %(value)s characters.", value=found[1]),
    ),
    (re.compile(r"Expected `array` of length <= (\d+)"), lambda found: say("Give at most %(value)s.", value=found[1])),
    (re.compile(r"Expected `array` of length >= (\d+)"), lambda found: say("Give at least %(value)s.", value=found[1])),
    (
        re.compile(r"Expected `str` matching regex .*://"),
        lambda _: say("Type an address, such as https://example.com/file."),
    ),
    (re.compile(r"Expected `str` matching regex"), lambda _: say("Type it without characters that cannot be printed.")),
    (re.compile(r"Expected `\w+` <= ([\d.]+)"), lambda found: say("It is %(bound)s at most.", bound=_plain(found[1]))),
    (re.compile(r"Expected `\w+` >= ([\d.]+)"), lambda found: say("It is %(bound)s at least.", bound=_plain(found[1]))),
    (
        re.compile(r"Invalid enum value '(.*)'"),
        lambda found: say("%(value)s is none of the values that it can have.", value=found[1]),
    ),
    (re.compile(r"Object missing required field `(.*)`"), lambda found: say("%(value)s is missing.", value=found[1])),
    (
        re.compile(r"Object contains unknown field `(.*)`"),
        lambda found: say("There is no field %(value)s.", value=found[1]),
    ),
    (re.compile(r"Expected `(\w+)"), lambda found: _KINDS.get(found[1], say("It cannot be that."))),
    (re.compile(r"Invalid decimal"), lambda _: NO_AMOUNT),
    (re.compile(r"Invalid RFC3339"), lambda _: NO_INSTANT),
]


def sentence(message: str) -> Sentence:
    """Return what a person has to type, of one of msgspec's messages without its path."""
    found = ((pattern.match(message), words) for pattern, words in _WORDS)
    return next((words(match) for match, words in found if match), say("%(message)s.", message=message))


def is_amount(text: str) -> bool:
    """Return whether an amount is written in digits. No arithmetic takes 1e999999999."""
    return _AMOUNT.fullmatch(text.strip()) is not None


def has_exponent(text: str) -> bool:
    """Return whether a number is written with an exponent, or is one of so many digits."""
    return _EXPONENT.fullmatch(text.strip()) is not None


def is_whole_number(text: str) -> bool:
    return _WHOLE_NUMBER.fullmatch(text.strip()) is not None


def within(minimum: int | None, maximum: int | None) -> Sentence:
    """Ask for a whole number within bounds."""
    if minimum is not None and maximum is not None:
        return say("Type a whole number from %(minimum)s to %(maximum)s.", minimum=minimum, maximum=maximum)
    if minimum is not None:
        return say("Type a whole number, %(minimum)s or more.", minimum=minimum)
    return say("Type a whole number, %(maximum)s at most.", maximum=maximum) if maximum is not None else NO_NUMBER


def one_of(choices: Sequence[str]) -> Sentence:
    return say("Choose one of %(choices)s.", choices=", ".join(choices))


def _plain(bound: str) -> str:
    return bound.removesuffix(".0")
