"""Frames parsed for display: type, id, Action and payload, as far as they are valid.

No frame is refused: an invalid part reads as empty. Returned texts are short, printable and safe to encode, but still
untrusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6
MAX_TEXT_LENGTH = 100

_HEAD = re.compile(r'\s*\[\s*([2-6])\s*,\s*"([^"\\]{1,100})"\s*(?:,\s*"(\w{1,100})")?', re.ASCII)


def printable(text: str) -> str:
    """Return the text on one line, with unprintable characters escaped as in JSON."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object of a payload. A missing field, or one of another type, reads as empty."""

    value: Mapping[str, object]

    def text(self, *names: str) -> str:
        """Return the first of these fields that holds a text or a number."""
        for name in names:
            value = self.value.get(name)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
                return printable(str(value)[:MAX_TEXT_LENGTH])
        return ""

    def number(self, name: str) -> int:
        value = self.value.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else 0

    def inner(self, name: str) -> Fields:
        value = self.value.get(name)
        return Fields(value) if isinstance(value, dict) else NO_FIELDS

    def each(self, name: str) -> list[Fields]:
        value = self.value.get(name)
        return [Fields(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []


NO_FIELDS = Fields({})


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed frame. `action` is of a CALL or SEND; `code` and `description` are of an error."""

    type: int
    id: str
    action: str = ""
    payload: Fields = NO_FIELDS
    code: str = ""
    description: str = ""


def parse(frame: str, *, is_cut: bool = False) -> Message | None:
    """Parse a frame; None if it is not a valid message. Of a frame that was cut short only the beginning is parsed."""
    try:
        parts = json.loads(frame)
    except (ValueError, RecursionError):
        return _head(frame) if is_cut else None
    if not isinstance(parts, list) or len(parts) < 3 or not isinstance(parts[1], str) or type(parts[0]) is not int:
        return None
    return _read(parts[0], parts[1], parts)


def _read(type_: int, message_id: str, parts: Sequence[object]) -> Message | None:
    if type_ in (CALL, SEND):
        return Message(type_, message_id, action=_text(parts[2]), payload=_fields(parts[-1]))
    if type_ == CALLRESULT:
        return Message(type_, message_id, payload=_fields(parts[2]))
    if type_ in (CALLERROR, CALLRESULTERROR):
        return Message(type_, message_id, code=_text(parts[2]), description=_text(parts[3] if len(parts) > 3 else ""))
    return None


def _head(frame: str) -> Message | None:
    match = _HEAD.match(frame)
    if match is None:
        return None
    type_, third = int(match[1]), match[3] or ""
    is_call = type_ in (CALL, SEND)
    return Message(type_, match[2], action=third if is_call else "", code="" if is_call else third)


def _fields(payload: object) -> Fields:
    return Fields(payload) if isinstance(payload, dict) else NO_FIELDS


def _text(value: object) -> str:
    return printable(value[:MAX_TEXT_LENGTH]) if isinstance(value, str) else ""
