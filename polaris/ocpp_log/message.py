"""What a frame says, as far as a log needs it: its type, id, Action and payload, whatever a charger made of them.

Nothing here refuses a frame: what cannot be read reads as nothing. Texts that come out are short, printable and safe to
encode; they are still a stranger's words.
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
    """The text on one line, in which what cannot be seen is spelled out as JSON spells it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


@dataclass(frozen=True, slots=True)
class Said:
    """An object of a payload: what is not there, or of another type, reads as empty."""

    value: Mapping[str, object]

    def text(self, *names: str) -> str:
        """The first of these fields that holds a text or a number."""
        for name in names:
            found = self.value.get(name)
            if isinstance(found, str | int | float) and not isinstance(found, bool) and found != "":
                return printable(str(found)[:MAX_TEXT_LENGTH])
        return ""

    def number(self, name: str) -> int:
        found = self.value.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 2**53 else 0

    def inner(self, name: str) -> Said:
        found = self.value.get(name)
        return Said(found) if isinstance(found, dict) else NOTHING

    def each(self, name: str) -> list[Said]:
        found = self.value.get(name)
        return [Said(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []


NOTHING = Said({})


@dataclass(frozen=True, slots=True)
class Message:
    """A frame that was read. `action` of a CALL or SEND; `code` and `description` of a refusal."""

    type: int
    id: str
    action: str = ""
    payload: Said = NOTHING
    code: str = ""
    description: str = ""


def parse(frame: str, *, is_cut: bool = False) -> Message | None:
    """What a frame says; None where it is no message. Of one that was cut short, what its beginning says."""
    try:
        parts = json.loads(frame)
    except (ValueError, RecursionError):
        return _head(frame) if is_cut else None
    if not isinstance(parts, list) or len(parts) < 3 or not isinstance(parts[1], str) or type(parts[0]) is not int:
        return None
    return _read(parts[0], parts[1], parts)


def _read(type_: int, message_id: str, parts: Sequence[object]) -> Message | None:
    if type_ in (CALL, SEND):
        return Message(type_, message_id, action=_text(parts[2]), payload=_said(parts[-1]))
    if type_ == CALLRESULT:
        return Message(type_, message_id, payload=_said(parts[2]))
    if type_ in (CALLERROR, CALLRESULTERROR):
        return Message(type_, message_id, code=_text(parts[2]), description=_text(parts[3] if len(parts) > 3 else ""))
    return None


def _head(frame: str) -> Message | None:
    found = _HEAD.match(frame)
    if found is None:
        return None
    type_, third = int(found[1]), found[3] or ""
    is_call = type_ in (CALL, SEND)
    return Message(type_, found[2], action=third if is_call else "", code="" if is_call else third)


def _said(payload: object) -> Said:
    return Said(payload) if isinstance(payload, dict) else NOTHING


def _text(value: object) -> str:
    return printable(value[:MAX_TEXT_LENGTH]) if isinstance(value, str) else ""
