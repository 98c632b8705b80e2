"""A person as texts name them: by e-mail address, or by the id tag of a card, however a charger spells it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from polaris.domain.cards import normal_id_tag, typed

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Person:
    """The texts that name a person: never a part of a longer address, or of a longer id tag."""

    def __init__(self, account_id: int, email: str, id_tags: Iterable[str]) -> None:
        self.account_id, self.email = account_id, email
        self.id_tags = frozenset(id_tags)

    def is_named_in(self, text: str) -> bool:
        """Whether a text has the address or, as a whole or as a string in quotes, one of the id tags."""
        if self._address.search(text):
            return True
        return any(normal_id_tag(word) in self.tokens for word in (text, *_QUOTED.findall(text)))

    @cached_property
    def tokens(self) -> frozenset[str]:
        """The id tags with and without their types: OCPP 2.x sends those apart."""
        return self.id_tags | {normal_id_tag(typed(id_tag)[1]) for id_tag in self.id_tags}

    @cached_property
    def _address(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w.+-]){re.escape(self.email)}(?![\w-]|\.\w)", re.IGNORECASE)
