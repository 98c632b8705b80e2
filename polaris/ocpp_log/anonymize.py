"""The anonymisation of an export: every card's id is replaced by an alias, the same one in all frames of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeGuard

from polaris.domain import cards
from polaris.domain.personal_fields import IDS, SEALED, TEXTS
from polaris.domain.spelling import letters

REMOVED = "REMOVED"
# Of a file: a charger may send any number of ids. Of those beyond, each has the same alias, and texts are removed.
MAX_IDS = 1000
OTHER = "STAND-IN-OTHER"
MIN_TEXT_LENGTH = 6  # of an id that is replaced in free text; a shorter one would replace parts of ordinary words


class Anonymizer:
    """The aliases of one file, numbered by first use; `first`, if not "", is the card with the first alias."""

    def __init__(self, first: str, frames: Iterable[str] = ()) -> None:
        self._aliases: dict[str, str] = {}  # by card
        self._ids: set[str] = set()  # as they are written
        self._in_text: re.Pattern[str] | None = None
        if first:
            self._alias(first)
        for frame in frames:
            self.collect(frame)

    def collect(self, frame: str) -> None:
        """Take up the ids of a frame, before any is replaced: they may stand in the texts of others."""
        self._collect(_parse(frame))

    def replaced(self, frame: str) -> str:
        """Return the frame with aliases. A frame that is not JSON is searched as text."""
        parsed = _parse(frame)
        if parsed is None:
            return self._replaced_in_text(frame)
        clean = self._clean(parsed)
        return frame if clean == parsed else json.dumps(clean, separators=(",", ":"))

    def _alias(self, id_tag: str) -> str:
        """Return the alias of an id's card, which is the same however a reader writes it."""
        card = cards.normal_id_tag(cards.id_tag(id_tag))
        if card not in self._aliases and self._is_full:
            return OTHER
        if len(self._ids) < MAX_IDS:
            self._ids.add(id_tag.strip().casefold())
        return self._aliases.setdefault(card, f"STAND-IN-{len(self._aliases) + 1}")

    @property
    def _is_full(self) -> bool:
        return len(self._aliases) >= MAX_IDS or len(self._ids) >= MAX_IDS

    def _collect(self, value: object) -> None:
        if isinstance(value, list):
            for inner in value:
                self._collect(inner)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if letters(key) in IDS and (isinstance(inner, str) or _is_texts(inner)):
                    for id_tag in [inner] if isinstance(inner, str) else inner:
                        if id_tag:
                            self._alias(id_tag)
                else:
                    self._collect(inner)

    def _clean(self, value: object, key: str = "") -> object:
        if isinstance(value, dict):
            sealed = "value" if value.get("format") == "SignedData" else ""  # OCPP 1.6
            return {name: REMOVED if name == sealed else self._clean(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._clean(inner, key) for inner in value]
        if not isinstance(value, str) or not value:
            return value
        if letters(key) in SEALED:  # address1 and address2 are one
            return REMOVED
        if letters(key) in IDS:
            return self._alias(value)
        return self._replaced_in_text(value) if letters(key) in TEXTS else value

    def _replaced_in_text(self, text: str) -> str:
        if self._is_full:
            return REMOVED
        if self._in_text is None:
            ids = sorted((id_tag for id_tag in self._ids if len(id_tag) >= MIN_TEXT_LENGTH), key=len, reverse=True)
            self._in_text = re.compile("|".join(map(re.escape, ids)) or r"(?!)", re.IGNORECASE)
        return self._in_text.sub(lambda match: self._alias(match.group()), text)


def _parse(frame: str) -> object:
    try:
        return json.loads(frame)
    except (ValueError, RecursionError):
        return None


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
