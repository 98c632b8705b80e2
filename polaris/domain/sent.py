"""A payload as it was sent: its JSON text, taken apart only for who looks inside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping


class Sent(Mapping[str, object]):
    """The object at the end of a JSON array, from `start` on: a message's payload, in the message it came in."""

    __slots__ = ("_message", "_read", "_start")

    def __init__(self, message: str, start: int) -> None:
        self._message, self._start = message, start
        self._read: dict[str, object] | None = None

    @property
    def text(self) -> str:
        return self._message[self._start : self._message.rindex("]")].rstrip()

    def __getitem__(self, key: str) -> object:
        return self._fields()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())

    def _fields(self) -> dict[str, object]:
        if self._read is None:
            self._read = json.loads(self.text)
        return self._read
