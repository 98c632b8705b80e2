"""A payload as it was sent: its JSON text, taken apart only for who looks inside."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


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
            self._read = read(self.text)
        return self._read


def read(text: str) -> Any:
    """Any JSON that a charger can send, alike wherever it is read. Raise ValueError."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return leniently(text)


def leniently(text: str) -> Any:
    """What msgspec refuses and chargers send: NaN, numbers without end, halves of surrogate pairs. Raise ValueError."""
    return json.loads(text, parse_int=_finite_int, parse_float=_finite_float, parse_constant=str)


def _finite_int(digits: str) -> int | str:
    return int(digits) if len(digits) < 20 else digits[:64]


def _finite_float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits[:64]
