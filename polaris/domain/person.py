"""A person as texts name them: by e-mail address, or by the id tag of a card, however a charger spells it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from polaris.domain.cards import normal_id_tag, typed

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NESTED = re.compile(
    r'(?<!\\)(\\*")([^"\\]*)\1'
)  # also in JSON that is a string of other JSON, with its quotes escaped


class Person:
    """The texts that name a person: never a part of a longer address, or of a longer id tag."""

    def __init__(self, account_id: int, email: str, id_tags: Iterable[str]) -> None:
        self.account_id, self.email = account_id, email
        self.id_tags = frozenset(id_tags)

    def is_named_in(self, text: str) -> bool:
        """Whether a text has the address or, as a whole or as a string in quotes, one of the id tags."""
        if self._address.search(text):
            return True
        return any(normal_id_tag(word) in self.tokens for word in (text, *QUOTED.findall(text), *_nested(text)))

    def replaced_in(self, text: str, by: str) -> str:
        """Return the text with other words for those that name the person."""

        def word(match: re.Match[str]) -> str:
            return f"{match[1]}{by}{match[1]}" if normal_id_tag(match[2]) in self.tokens else match[0]

        return self._address.sub(by, _NESTED.sub(word, text))

    @cached_property
    def tokens(self) -> frozenset[str]:
        """The id tags with and without their types: OCPP 2.x sends those apart."""
        return self.id_tags | {normal_id_tag(typed(id_tag)[1]) for id_tag in self.id_tags}

    @cached_property
    def _address(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.+-]){re.escape(self.email)}(?![\w-]|\.\w)", re.IGNORECASE)


def _nested(text: str) -> list[str]:
    return [word for _, word in _NESTED.findall(text)] if "\\" in text else []
