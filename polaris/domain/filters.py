"""Filters of lists as a person or a URL gives them: with a value that is not understood, one finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from polaris.domain.argument_words import one_of
from polaris.domain.cards import normal_id_tag
from polaris.domain.email_addresses import normal_email
from polaris.domain.limits import MAX_INT32
from polaris.domain.sentences import Sentence, say, together

MAX_TEXT_LENGTH = 255  # of the columns that are searched
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)  # beyond, some time zone's midnight is no instant


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

MAX_SHOWN = 100  # characters of a value that is named in a sentence
# Parameters beside those of a filter: which part of a list, and how it is sent.
PLACES = frozenset(("after", "before", "csrf_token", "if_room", "once", "page", "taps", "totals", "wall"))

# After a name that has no field, in the addresses of links: without it, url_for would take one such as "endpoint".
MARK = "?"
NO_WORDS: Mapping[str, str] = MappingProxyType({})


class Wrong(NamedTuple):
    """A value of a filter that is not understood: what was typed, and a sentence about it."""

    name: str
    text: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of a list. With a `wrong` value it finds nothing: it must not mean the whole list."""

    NAMES: ClassVar[Mapping[str, str]]  # the parameters of its URL, and its fields
    wrong: tuple[Wrong, ...] = ()

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL, with what is not understood as it was typed."""
        known = parameters({name: getattr(self, field) for name, field in self.NAMES.items()})
        return known | self.wrong_parameters

    @property
    def wrong_parameters(self) -> dict[str, str]:
        """Return what is not understood as it was typed; a name that has no field is marked."""
        return {each.name if each.name in self.NAMES else f"{each.name}{MARK}": each.text for each in self.wrong}

    def typed(self, name: str) -> str:
        """Return what a field shows."""
        return self.parameters().get(name, "")

    def problem(self, name: str) -> str:
        """Return what is wrong with a field, "" if it is understood."""
        return next((each.sentence for each in self.wrong if each.name == name), "")

    @property
    def strangers(self) -> tuple[str, ...]:
        """The sentences about parameters that have no field."""
        return tuple(each.sentence for each in self.wrong if each.name not in self.NAMES)

    @property
    def sentence(self) -> str:
        """All that is wrong, each with its name."""
        return together(*(say("%(name)s: %(problem)s", name=each.name, problem=each.sentence) for each in self.wrong))


class Values:
    """The values of a filter, read one by one. What is not understood is left out, and kept in `wrong`."""

    def __init__(self, values: Mapping[str, str], names: Iterable[str], places: Iterable[str] = PLACES) -> None:
        self._values = values
        known = {*names, *places}
        self._wrong = [_stranger(_unmarked(name, known), values[name]) for name in values if name not in known]
        given = getattr(values, "getlist", lambda _: ())  # of an address, which can have a name more than once
        self._wrong += [Wrong(name, values[name], twice(name)) for name in names if len(given(name)) > 1]

    @property
    def wrong(self) -> tuple[Wrong, ...]:
        return tuple(self._wrong)

    def text(self, name: str, max_length: int = MAX_TEXT_LENGTH) -> str:
        value = self._typed(name)
        if len(value) > max_length:
            return self.refuse(name, say("This has more than %(max_length)s characters.", max_length=max_length))
        if text(value) != value:
            return self.refuse(name, say("This has a character that cannot be looked for."))
        return value

    def card(self, name: str) -> str:
        value = self.text(name)
        if value and not normal_id_tag(value):
            return self.refuse(name, say("This is no card."))
        return value

    def email(self, name: str) -> str:
        return normal_email(self.text(name))

    def choice(self, name: str, choices: Iterable[str], words: Mapping[str, str] = NO_WORDS) -> str:
        """Read one of some values. Lists may show them in other `words`, which are named beside them."""
        value, known = self._typed(name), [choice for choice in choices if choice]
        if not value or value in known:
            return value
        named = [f"{each} ({words[each]})" if each in words else each for each in known]
        return self.refuse(name, together(_none(name, value), one_of(named)))

    def flag(self, name: str) -> bool:
        return self.choice(name, ("1",)) == "1"

    def number(self, name: str) -> int | None:
        value = self._typed(name)
        if value and number(value) is None:
            self.refuse(name, _none(name, value))
        return number(value)

    def day(self, name: str) -> date | None:
        value = self._typed(name)
        if value and day(value) is None:
            self.refuse(name, _no_day(value))
        return day(value)

    def days(self, first: str, last: str) -> tuple[date | None, date | None]:
        """Read the first and the last day that are wanted."""
        from_day, to_day = self.day(first), self.day(last)
        if from_day is not None and to_day is not None and to_day < from_day:
            self.refuse(last, say("This day is before %(first)s, the first day.", first=str(from_day)))
            return from_day, None
        return from_day, to_day

    def refuse(self, name: str, sentence: str) -> str:
        """Note what is wrong with a value; return what stands in its place."""
        self._wrong.append(Wrong(name, self._values[name], sentence))
        return ""

    def _typed(self, name: str) -> str:
        value = self._values.get(name, "")
        if value and not value.strip():
            self.refuse(name, say("This is only spaces. Leave it empty to look for everything."))
        return value.strip()


def twice(name: str) -> Sentence:
    return say("The filter has %(name)s twice.", name=name)


def _none(name: str, value: str) -> Sentence:
    return say("There is no %(name)s %(value)s.", name=name, value=_shown(value))


def _no_day(value: str) -> Sentence:
    """Say why a value is no day to look for."""
    if _DAY.fullmatch(value) is None:
        return say("Type a day as year, month and day, such as 2026-11-23.")
    try:
        date.fromisoformat(value)
    except ValueError:
        return say("There is no day %(value)s.", value=value)
    return say("Choose a day from %(first)s to %(last)s.", first=FIRST_DAY.year, last=LAST_DAY.year)


def _unmarked(name: str, known: Set[str]) -> str:
    plain = name.removesuffix(MARK)
    return name if plain in known else plain


def _stranger(name: str, value: str) -> Wrong:
    return Wrong(name, value, say("It is not possible to filter by %(name)s.", name=_shown(name)))


def _shown(value: str) -> str:
    return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"


def text(value: str) -> str:
    """Return a text without surrounding spaces, and without what PostgreSQL refuses."""
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip()[:MAX_TEXT_LENGTH]


def day(value: str) -> date | None:
    """Parse a day such as 2026-11-29."""
    try:
        parsed = date.fromisoformat(value)
    except ValueError:
        return None
    return parsed if FIRST_DAY <= parsed <= LAST_DAY else None


def number(value: str) -> int | None:
    """Parse the number of a row."""
    if not (value.isascii() and value.isdigit() and len(value) <= 10):
        return None
    return int(value) if 0 < int(value) <= MAX_INT32 else None


def began(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the instant at which a day begins in a time zone."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def ended(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the instant at which the next day begins."""
    return began(day + timedelta(days=1), zone)


def parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Return the values of a filter as the parameters of a URL, without those that filter nothing."""
    is_set = {name: value for name, value in values.items() if value not in (None, "", False)}
    return {name: "1" if value is True else str(value) for name, value in is_set.items()}
