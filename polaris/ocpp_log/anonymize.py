"""Owns that no card's id leaves the house: each is replaced by a stand-in, the same one in every frame of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_KEYS = ("idTag", "parentIdTag", "idToken")  # of OCPP 1.6 and 2.x, where their value is a text
LONG_ENOUGH = 6  # characters of an id that is looked for in free text; a shorter one is too much like other words


class Anonymizer:
    """The stand-ins of one file; the first is that of `first`, or, for "", that of the first card in it."""

    def __init__(self, first: str, frames: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        if first:
            self._name(first)
        for frame in frames:
            self._collect(_read(frame))
        ids = sorted((known for known in self._names if len(known) >= LONG_ENOUGH), key=len, reverse=True)
        self._in_text = re.compile("|".join(map(re.escape, ids)) or r"(?!)", re.IGNORECASE)

    def replaced(self, frame: str) -> str:
        """The frame with stand-ins; one that is no JSON is searched as text."""
        read = _read(frame)
        if read is None:
            return self._replaced_in_text(frame)
        clean = self._clean(read)
        return frame if clean == read else json.dumps(clean, separators=(",", ":"))

    def _name(self, id_tag: str) -> str:
        """Cards' ids are the same in capital letters and in small ones (errata 3.58)."""
        return self._names.setdefault(id_tag.casefold(), f"STAND-IN-{len(self._names) + 1}")

    def _collect(self, value: object) -> None:
        if isinstance(value, list):
            for inner in value:
                self._collect(inner)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if key in _KEYS and isinstance(inner, str) and inner:
                    self._name(inner)
                else:
                    self._collect(inner)

    def _clean(self, value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {name: self._clean(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._clean(inner, key) for inner in value]
        if not isinstance(value, str) or not value:
            return value
        if key in _KEYS:
            return self._name(value)
        return self._replaced_in_text(value) if key in ("data", "info", "techInfo") else value

    def _replaced_in_text(self, text: str) -> str:
        return self._in_text.sub(lambda found: self._name(found.group()), text)


def _read(frame: str) -> object:
    try:
        return json.loads(frame)
    except (ValueError, RecursionError):
        return None
