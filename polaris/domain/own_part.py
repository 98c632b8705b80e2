"""The part of a text that is one person's: another's card ids and e-mail addresses are masked, or left out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from polaris.domain import personal_fields
from polaris.domain.cards import id_tag, normal_id_tag
from polaris.domain.person import QUOTED, Person
from polaris.domain.spelling import letters

OTHER = "another account"  # in place of another's e-mail address
OTHER_CARD = "another card"
MAX_CACHED = 10_000  # texts: readings repeat their units and phases
MAX_CACHED_LENGTH = 100
MAX_COLONS = 8  # in a word: without it one of colons alone would take the square of its length

_PART = r"[^\s\"'\\,;:(){}\[\]<>=|@]"
_ADDRESS = re.compile(f"(?<!{_PART}){_PART}+@(?:{_PART}|@)+")  # from a word's beginning: a long word is read once
_UID = re.compile(r"(?<!\w)[0-9A-Fa-f]{2}([ :-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){2,8}(?!\w)")
_WORD = re.compile(r"[^\s\"'\\,;(){}\[\]<>=|/]+")
_JSON = re.compile(r"[\[{]")
_CUT_JSON = re.compile(r"[\[{,:]\s*\\*\"|\"\s*[:,\]}]")  # a part of a long message, or a text that was too long
SIGNED = "signed_data"  # of the person's own sessions; it has JSON in it


class OwnPart:
    """The part of texts that goes out to a person, if they may name others. `others` are all other known id tags."""

    def __init__(self, person: Person, others: Collection[str]) -> None:
        self._person = person
        self._others = frozenset(others) - person.tokens
        self._cached_words = lru_cache(MAX_CACHED)(self._masked_words)

    def of(self, text: str, name: str = "") -> str:
        """Return the part of a text, from the field of a name, that is the person's or nobody's."""
        if letters(name) in personal_fields.IDS:
            return text if self._is_own_id(text) else OTHER_CARD
        if self._is_own(text):
            return text
        start = _JSON.search(text)
        at = start.start() if start else len(text)
        try:
            value = json.loads(text[at:])
            clean = self._clean(value, name)
        except (ValueError, RecursionError):
            return self._own_words(text) if name != SIGNED and _CUT_JSON.search(text) else self._words(text)
        return self._words(text[:at]) + (text[at:] if clean == value else json.dumps(clean, separators=(",", ":")))

    def _own_words(self, text: str) -> str:
        """Return what is left of JSON that cannot be parsed: which field a word is of cannot be told."""
        own = [word for word in QUOTED.findall(text) if word and self._is_own(word)]
        return f"only in part: {json.dumps(own)}"

    def _clean(self, value: object, name: str) -> object:
        if isinstance(value, dict):
            return {self._words(key): self._clean_in(value, key) for key in value}
        if isinstance(value, list):
            return list(self._own_items(value, name))
        if letters(name) in personal_fields.IDS and value is not None:
            return value if self._is_own_id(str(value)) else OTHER_CARD
        return self.of(value, name) if isinstance(value, str) else value

    def _clean_in(self, fields: dict[str, object], key: str) -> object:
        """Clean a field, of an OCPP 2.x token with the type that stands beside it."""
        value, type_ = fields[key], fields.get("type")
        if key == "idToken" and isinstance(value, str) and isinstance(type_, str):
            return value if normal_id_tag(id_tag(value, type_)) in self._person.id_tags else OTHER_CARD
        return self._clean(value, key)

    def _own_items(self, items: list[object], name: str) -> Iterator[object]:
        """Leave out the items of a list, such as a charger's list of cards, that are about somebody else alone."""
        for item in items:
            clean = self._clean(item, name)
            if clean == item or self._person.is_named_in(json.dumps(clean)):
                yield clean

    def _is_own(self, text: str) -> bool:
        return text.casefold() == self._person.email.casefold() or self._is_own_id(text)

    def _is_own_id(self, text: str) -> bool:
        return text == "" or normal_id_tag(text) in self._person.tokens

    def _words(self, text: str) -> str:
        return self._cached_words(text) if len(text) <= MAX_CACHED_LENGTH else self._masked_words(text)

    def _masked_words(self, text: str) -> str:
        if normal_id_tag(text) in self._others:
            return OTHER_CARD
        text = _ADDRESS.sub(lambda match: match[0] if self._is_own_address(match[0]) else OTHER, text)
        text = _UID.sub(self._masked_id, text)
        return _WORD.sub(self._masked_id, text)

    def _is_own_address(self, word: str) -> bool:
        return self._person.is_named_in(word) and word.strip(".").casefold() == self._person.email.casefold()

    def _masked_id(self, match: re.Match[str]) -> str:
        """Mask a word that is another's id tag, also after a name and a colon, or before a full stop."""
        word = match[0]
        parts = word.split(":")
        suffixes = [":".join(parts[at:]) for at in range(min(len(parts), MAX_COLONS))]
        spellings = {text.strip(":.!?") for text in (word, *suffixes, *parts)}
        return OTHER_CARD if any(text and normal_id_tag(text) in self._others for text in spellings) else word
