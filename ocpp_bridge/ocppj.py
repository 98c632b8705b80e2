"""Owns the OCPP-J frame: text in, a frame or a refusal out, and the text of our own frames. Knows no Action.

Every number, nesting and string that a charger can send ends in one of these, never in another exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, TypeGuard

import msgspec

from polaris.domain import raw_payload
from polaris.domain.raw_payload import Sent

CALL, CALLRESULT, CALLERROR = 2, 3, 4
CALLRESULTERROR, SEND = 5, 6  # OCPP 2.1
MAX_ID_LENGTH = 36  # J 1.6 §4.1.4
NO_ID = "-1"  # where there is no message id that may be echoed
MAX_DEPTH = 32
MAX_UNCHECKED_BRACKETS = 64  # fewer cannot be nested deeper than is worth a walk
MAX_DESCRIPTION_LENGTH = 255

NO_DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {}
_CALL_HEAD = re.compile(r'\[2,\s*"[^"\\]*",\s*"(\w+)",\s*(?={)', re.ASCII)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Fault(Enum):
    """What is wrong with a CALL; each version spells them in its own way."""

    NOT_IMPLEMENTED = auto()  # an action that nobody knows
    NOT_SUPPORTED = auto()  # one that is known, and not supported
    INTERNAL = auto()
    FORMAT = auto()
    OCCURRENCE = auto()
    TYPE = auto()
    FRAMEWORK = auto()  # no CALL at all: even its message id cannot be read
    MESSAGE_TYPE = auto()


class Unreadable(Exception):
    """A message that is no frame."""


class CallRefused(Exception):
    """A CALL that is answered with a CALLERROR. `message_id` is empty where the caller knows it."""

    def __init__(self, fault: Fault, description: str, message_id: str = "") -> None:
        super().__init__(description)
        self.fault, self.description, self.message_id = fault, description, message_id


class Call(msgspec.Struct, frozen=True):
    """A CALL, or a SEND, which is the same without an answer. `request` is the payload as its Action's struct, where
    it could be read as that at once."""

    id: str
    action: str
    payload: Mapping[str, object]
    wants_answer: bool = True
    request: msgspec.Struct | None = None


class Answer(msgspec.Struct, frozen=True):
    """What the charger said to a CALL of ours: a result, or an error with its code."""

    id: str
    payload: object = None
    error_code: str = ""


class Strange(msgspec.Struct, frozen=True):
    """A message of a type that the version does not know. `id` is `NO_ID` where it has none that can be echoed."""

    id: str


def decoder(struct: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    """What reads a whole CALL whose payload is a `struct`, as `tolerant` does where nothing is out of the ordinary."""
    return msgspec.json.Decoder(tuple[int, str, str, struct], strict=False)  # type: ignore[valid-type]


def decode(
    text: str, message_types: Sequence[int], decoders: Mapping[str, msgspec.json.Decoder[Any]] = NO_DECODERS
) -> Call | Answer | Strange | None:
    """Read one message; None for one that nothing follows from. Raise `Unreadable` or `CallRefused`.

    The CALLs that have a decoder of their own, by Action, are read in one step where nothing is wrong with them.
    """
    return _at_once(text, decoders) or _step_by_step(text, message_types)


def _at_once(text: str, decoders: Mapping[str, msgspec.json.Decoder[Any]]) -> Call | None:
    head = _CALL_HEAD.match(text)
    decoder_ = head and decoders.get(head[1])
    if head is None or decoder_ is None or "\\" in text or _has_many_brackets(text):
        return None
    try:
        _, message_id, action, request = decoder_.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return (
        Call(message_id, action, Sent(text, head.end()), request=request) if len(message_id) <= MAX_ID_LENGTH else None
    )


def _step_by_step(text: str, message_types: Sequence[int]) -> Call | Answer | Strange | None:
    frame, is_plain = _parsed(text)
    if not isinstance(frame, list) or not frame:
        raise Unreadable("not an OCPP-J array")
    if frame[0] == CALL:
        return _call(frame, is_plain=is_plain)
    if frame[0] not in message_types:
        return Strange(frame[1] if len(frame) > 1 and _is_id(frame[1]) else NO_ID)
    if frame[0] == SEND:
        return _send(frame, is_plain=is_plain)
    if frame[0] in (CALLRESULT, CALLERROR) and len(frame) >= 3 and isinstance(frame[1], str):
        return Answer(frame[1], frame[2]) if frame[0] == CALLRESULT else Answer(frame[1], error_code=str(frame[2]))
    return None


def call(message_id: str, action: str, payload: Mapping[str, object]) -> str:
    return _encode([CALL, message_id, action, payload]).decode()


def result(message_id: str, payload: Mapping[str, object]) -> bytes:
    return _encode((CALLRESULT, message_id, payload))


def error(message_id: str, code: str, description: str) -> bytes:
    return _encode((CALLERROR, message_id, code, description[:MAX_DESCRIPTION_LENGTH], {}))


def _call(frame: list[object], *, is_plain: bool) -> Call:
    message_id = frame[1] if len(frame) > 1 else None
    if not _is_id(message_id):
        raise CallRefused(Fault.FRAMEWORK, "The message id must be a string of 36 characters at most.", NO_ID)
    if len(frame) < 4 or not isinstance(frame[2], str):
        raise CallRefused(Fault.FORMAT, "A CALL is [2, id, action, payload].", message_id)
    payload = {} if frame[3] is None else frame[3]  # J 1.6 §4.2.1
    if not isinstance(payload, dict):
        raise CallRefused(Fault.FORMAT, "The payload must be an object.", message_id)
    return Call(message_id, frame[2], payload if is_plain else {str(k): _clean(v) for k, v in payload.items()})


def _send(frame: list[object], *, is_plain: bool) -> Call | None:
    """A SEND gets no answer, and so none that it was refused."""
    try:
        return msgspec.structs.replace(_call(frame, is_plain=is_plain), wants_answer=False)
    except CallRefused:
        return None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= MAX_ID_LENGTH and _is_text(value)


def _parsed(text: str) -> tuple[object, bool]:
    """The JSON, and whether its strings are fit for any column."""
    try:
        frame, is_plain = _decode(text), "\\u0000" not in text
    except (msgspec.MsgspecError, RecursionError):
        frame, is_plain = _leniently(text), False
    if _has_many_brackets(text) and _depth(frame) > MAX_DEPTH:
        raise Unreadable("nested too deeply")
    return frame, is_plain


def _leniently(text: str) -> object:
    try:
        return raw_payload.leniently(text)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def _has_many_brackets(text: str) -> bool:
    return text.count("[") + text.count("{") > MAX_UNCHECKED_BRACKETS


def _depth(frame: object) -> int:
    depth, level = 0, [frame]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [inner for outer in level if isinstance(outer, list | dict) for inner in _inside(outer)]
    return depth


def _inside(container: list[object] | dict[str, object]) -> Iterable[object]:
    return container.values() if isinstance(container, dict) else container


def _is_text(text: str) -> bool:
    """Whether it can be sent back: half of a surrogate pair cannot."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _clean(value: object) -> object:
    """Without the characters that no database column takes: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(inner) for key, inner in value.items()}
    return value
