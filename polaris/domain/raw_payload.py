"""A payload as it was sent: its JSON text, parsed only if it is read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec


class RawPayload(Mapping[str, object]):
    """The JSON object that ends a message (a JSON array), starting at `start`."""

    __slots__ = ("_message", "_parsed", "_start")

    def __init__(self, message: str, start: int) -> None:
        self._message, self._start = message, start
        self._parsed: dict[str, object] | None = None

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
        if self._parsed is None:
            self._parsed = read(self.text)
        return self._parsed


def read(text: str) -> Any:
    """Parse any JSON that a charger can send. Raise ValueError."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return read_leniently(text)


def read_leniently(text: str) -> Any:
    """Parse JSON that msgspec refuses but chargers send: NaN, huge numbers, lone surrogates. Raise ValueError."""
    return json.loads(text, parse_int=_finite_int, parse_float=_finite_float, parse_constant=str)


def _finite_int(digits: str) -> int | str:
    return int(digits) if len(digits) < 20 else digits[:64]


def _finite_float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits[:64]
