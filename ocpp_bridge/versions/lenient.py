"""Lenient conversion of a payload to a struct: chargers send numbers as text and text as numbers.

An unreadable field takes its default and does not affect other fields. Only fields without a default are required.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

from ocpp_bridge.ocppj import CallRefused, Fault

T = TypeVar("T", bound=msgspec.Struct)
MAX_DIGITS = 18  # before the point: a text such as 1e999999999 would become an integer that fills the memory
_UNREADABLE = object()


def read(payload: object, struct: type[T]) -> T:
    """Convert a payload. Raise `CallRefused` if a required field is missing or unreadable."""
    try:
        return msgspec.convert(payload, struct, strict=False)
    except msgspec.ValidationError:
        return _field_by_field(payload if isinstance(payload, dict) else {}, struct)


def _field_by_field(payload: dict[str, object], struct: type[T]) -> T:
    values: dict[str, object] = {}
    for field in _fields(struct):
        value = _value(payload.get(field.encode_name), field.type)
        if value is not _UNREADABLE:
            values[field.name] = value
        elif field.required and payload.get(field.encode_name) is None:
            raise CallRefused(Fault.OCCURRENCE, f"{field.encode_name} is missing.")
        elif field.required:
            raise CallRefused(Fault.TYPE, f"{field.encode_name} has the wrong type.")
    return struct(**values)


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """Return a struct's fields, once: to find them takes longer than to read a whole message."""
    return msgspec.structs.fields(struct)


def _value(value: object, type_: Any) -> object:
    if get_origin(type_) is list:
        items = value if isinstance(value, list) else [value]
        return [_field_by_field(item, get_args(type_)[0]) for item in items if isinstance(item, dict)]
    struct = _struct(type_)
    if struct is not None and isinstance(value, dict):
        return _field_by_field(value, struct)
    if isinstance(value, bool) and type_ is bool:
        return value
    for candidate in _candidates(value):
        try:
            return msgspec.convert(candidate, type_, strict=False)
        except msgspec.ValidationError:
            continue
    return _UNREADABLE


def _struct(type_: Any) -> Any:
    """Return the struct type of a field, which may be optional, or None if it holds no struct."""
    candidates = get_args(type_) or (type_,)
    return next((type_ for type_ in candidates if isinstance(type_, type) and issubclass(type_, msgspec.Struct)), None)


def _candidates(value: object) -> Iterator[object]:
    """Yield the value, and then other values that it may stand for."""
    if value is None or isinstance(value, bool):
        return
    yield value
    if isinstance(value, int | float):
        yield str(value)
    if isinstance(value, int | float | str):
        yield from _whole(str(value))


def _whole(text: str) -> Iterator[int]:
    """Yield the nearest whole number, if the text is a number of bounded size."""
    try:
        number = Decimal(text.strip())
    except ArithmeticError:
        return
    if not number:  # whatever its exponent
        yield 0
    elif number.is_finite() and number.adjusted() < MAX_DIGITS:
        yield int(number.to_integral_value(ROUND_HALF_EVEN))
