"""OCPP-J framing, the same for every Action: decoding of a charger's messages, and encoding of ours.

Any input is decoded to a frame or raises `Unreadable` or `CallRefused`. No number, nesting or string in it causes any
other exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, TypeGuard

import msgspec

from polaris.domain import raw_payload
from polaris.domain.raw_payload import RawPayload

CALL, CALLRESULT, CALLERROR = 2, 3, 4
CALLRESULTERROR, SEND = 5, 6  # OCPP 2.1
MAX_ID_LENGTH = 36  # J 1.6 §4.1.4
NO_ID = "-1"  # for a message without an id that can be echoed
MAX_DEPTH = 32  # recursive code, ours and a database's, would fail on much deeper nesting
MAX_UNCHECKED_BRACKETS = 64  # a frame with no more opening ones skips the slow measuring of its depth
MAX_DESCRIPTION_LENGTH = 255

NO_DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {}
_CALL_HEAD = re.compile(r'\[2,\s*"[^"\\]*",\s*"(\w+)",\s*(?={)', re.ASCII)
_ANSWER_HEAD = re.compile(r'\s*\[\s*[34]\s*,\s*"([^"\\]*)"')

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Fault(Enum):
    """The reasons for refusing a CALL; each version has its own error codes for them."""

    NOT_IMPLEMENTED = auto()  # not an Action of the version
    NOT_SUPPORTED = auto()  # an Action of the version, but not handled
    INTERNAL = auto()
    FORMAT = auto()
    OCCURRENCE = auto()
    TYPE = auto()
    VALUE = auto()  # of the right type, but out of bounds
    FRAMEWORK = auto()  # not a CALL: even its message id is unreadable
    MESSAGE_TYPE = auto()


class Unreadable(Exception):
    """A message that is not an OCPP-J frame."""


class CallRefused(Exception):
    """A CALL that is answered with a CALLERROR. `message_id` is empty if the CALL was decoded."""

    def __init__(self, fault: Fault, description: str, message_id: str = "") -> None:
        super().__init__(description)
        self.fault, self.description, self.message_id = fault, description, message_id


class Call(msgspec.Struct, frozen=True, gc=False):
    """A CALL, or a SEND, which gets no answer. `request` is the payload as its Action's struct, if already decoded."""

    id: str
    action: str
    payload: Mapping[str, object]
    is_send: bool = False
    request: msgspec.Struct | None = None


class Answer(msgspec.Struct, frozen=True):
    """The charger's answer to a CALL of ours: a result, an error with its code, or a text that is neither.

    The payload of an error is its details.
    """

    id: str
    payload: object = None
    error_code: str = ""
    description: str = ""  # of an error
    malformed: str = ""


class UnknownType(msgspec.Struct, frozen=True):
    """A message of a type that the version does not have. `id` is `NO_ID` if it has none that can be echoed."""

    id: str


def decoder(struct: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    """Return a decoder for a whole CALL of one Action. Its result for a valid payload is that of `lenient`."""
    return msgspec.json.Decoder(tuple[int, str, str, struct], strict=False)  # type: ignore[valid-type]


def decode(
    text: str, message_types: Sequence[int], decoders: Mapping[str, msgspec.json.Decoder[Any]] = NO_DECODERS
) -> Call | Answer | UnknownType | None:
    """Decode a message, to None if it can be ignored. Raise `Unreadable` or `CallRefused`.

    `decoders`, by Action, decode a valid CALL in one step; for all other messages there is a slower path.
    """
    try:
        return _fast_path(text, decoders) or _slow_path(text, message_types)
    except Unreadable:
        answer = _malformed_answer(text)
        if answer is None:
            raise
        return answer


def _fast_path(text: str, decoders: Mapping[str, msgspec.json.Decoder[Any]]) -> Call | None:
    head = _CALL_HEAD.match(text)
    call_decoder = head and decoders.get(head[1])
    if head is None or call_decoder is None or "\\" in text or _has_many_brackets(text):
        return None
    try:
        _, message_id, action, request = call_decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if len(message_id) > MAX_ID_LENGTH:
        return None
    return Call(message_id, action, RawPayload(text, head.end()), request=request)


def _slow_path(text: str, message_types: Sequence[int]) -> Call | Answer | UnknownType | None:
    frame, is_plain = _parsed(text)
    if not isinstance(frame, list) or not frame:
        raise Unreadable("not an OCPP-J array")
    if frame[0] == CALL:
        return _call(frame, is_plain=is_plain)
    if frame[0] not in message_types:
        return UnknownType(frame[1] if len(frame) > 1 and _is_id(frame[1]) else NO_ID)
    if frame[0] == SEND:
        return _send(frame, is_plain=is_plain)
    if frame[0] in (CALLRESULT, CALLERROR) and len(frame) >= 3 and isinstance(frame[1], str):
        return Answer(frame[1], frame[2]) if frame[0] == CALLRESULT else _error_answer(*frame[1:5])
    return _malformed_answer(text)


def _error_answer(message_id: str, code: object, description: object = "", details: object = None) -> Answer:
    return Answer(message_id, details, str(code), description if isinstance(description, str) else "")


def _malformed_answer(text: str) -> Answer | None:
    """Return the answer whose id can be told, so that its CALL need not wait for another."""
    head = _ANSWER_HEAD.match(text)
    return head and Answer(head[1], malformed=str(_clean(text)))


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
    """Return a SEND, or None if it is malformed: it gets no answer, not even a CALLERROR."""
    try:
        return msgspec.structs.replace(_call(frame, is_plain=is_plain), is_send=True)
    except CallRefused:
        return None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= MAX_ID_LENGTH and _is_text(value)


def _parsed(text: str) -> tuple[object, bool]:
    """Return the JSON, and whether its strings are free of characters that `_clean` replaces."""
    try:
        frame, is_plain = _decode(text), "\\u0000" not in text
    except (msgspec.MsgspecError, RecursionError):
        frame, is_plain = _leniently(text), False
    if _has_many_brackets(text) and _depth(frame) > MAX_DEPTH:
        raise Unreadable("nested too deeply")
    return frame, is_plain


def _leniently(text: str) -> object:
    try:
        return raw_payload.read_leniently(text)
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
    """Return whether a text can be sent: a lone surrogate cannot be encoded."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _clean(value: object) -> object:
    """Return a value without NUL and lone surrogates, which no database column takes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(inner) for key, inner in value.items()}
    return value
