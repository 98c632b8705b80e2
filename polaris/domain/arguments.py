"""Arguments of what a person can ask for: fields of a type, of which the command line and the pages make their forms.

A field's description (`msgspec.Meta`) is its help, its title the label. A field that is required and may be None is
one that can be cleared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo

UNITS = {"_at": "instant", "_s": "seconds", "_kw": "kW"}  # suffixes of a field's name
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "yes or no",
    "datetime": "an instant",
    "decimal": "a number",
}

# Marks of a field: a secret is asked for or read from standard input, and never shown again; a required one that is
# named is an option of the command line and no argument.
SECRET = Meta(extra={"secret": True})
NAMED = Meta(extra={"named": True})


class StrictStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A value whose fields are checked when it is read."""


T = TypeVar("T", bound=StrictStruct)


class Invalid(ValueError):
    """Values that arguments cannot have; the text is a sentence. `field` is the one to blame, if there is one."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class Kind(StrEnum):
    """How a value is entered."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a kind of value
    NUMBER = "number"
    AMOUNT = "amount"
    INSTANT = "instant"
    FLAG = "flag"
    CHOICE = "choice"
    TEXTS = "texts"  # any number of texts
    JSON = "json"


_KINDS: dict[Any, Kind] = {
    bool: Kind.FLAG,
    datetime: Kind.INSTANT,
    Decimal: Kind.AMOUNT,
    int: Kind.NUMBER,
    str: Kind.TEXT,
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: how it is entered, and what is said of it."""

    name: str  # of the type's field
    kind: Kind
    is_required: bool
    is_clearable: bool  # required, and may be None
    default: Any
    label: str  # of a form's field
    meaning: str
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    is_named: bool = False  # an option on the command line, although it is required

    @property
    def unit(self) -> str:
        """What a value counts, by the field's name; "" if nothing says so."""
        return next((unit for suffix, unit in UNITS.items() if self.name.endswith(suffix)), "")

    @property
    def plain_name(self) -> str:
        """The name without what says of which kind or unit it is."""
        name = self.name.removeprefix("is_")
        return next((name.removesuffix(suffix) for suffix in UNITS if name.endswith(suffix)), name)


def arguments(type_: type[StrictStruct]) -> tuple[Argument, ...]:
    """Return a type's arguments, in its order."""
    return tuple(_argument(field) for field in msgspec.structs.fields(type_))


def read(type_: type[T], values: Mapping[str, Any], *, is_text: bool = False) -> T:
    """Make a type of values and check its bounds; with `is_text` they are as a person typed them. Raise `Invalid`."""
    try:
        return msgspec.convert(values, type_, strict=not is_text)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None


def _argument(field: FieldInfo) -> Argument:
    type_, metas, is_nullable = _plain(field.type)
    is_list = get_origin(type_) is tuple and _plain(get_args(type_)[0])[0] is str
    inner = _plain(get_args(type_)[0])[1] if is_list else []
    described = [*metas, *inner]
    kind = Kind.TEXTS if is_list else _kind(type_, metas)
    return Argument(
        field.name,
        kind,
        field.required,
        field.required and is_nullable,
        None if field.default is NODEFAULT else field.default,
        next((meta.title for meta in metas if meta.title), _label(field.name)),
        next((meta.description for meta in described if meta.description), ""),
        tuple(member.value for member in type_) if kind is Kind.CHOICE else (),
        None if is_list else next((meta.max_length for meta in metas if meta.max_length), None),
        _is_marked(metas, "named"),
    )


def _plain(type_: Any) -> tuple[Any, list[Meta], bool]:
    """Return a field's type without its bounds and without None, its bounds, and whether it may be None."""
    metas: list[Meta] = []
    is_nullable = False
    while get_origin(type_) in (Annotated, Union, UnionType):
        if get_origin(type_) is Annotated:
            type_, *more = get_args(type_)
            metas += more
        else:
            is_nullable = NoneType in get_args(type_)
            type_ = next(member for member in get_args(type_) if member is not NoneType)
    return type_, metas, is_nullable


def _kind(type_: Any, metas: list[Meta]) -> Kind:
    if _is_marked(metas, "secret"):
        return Kind.SECRET
    if isinstance(type_, type) and issubclass(type_, StrEnum):
        return Kind.CHOICE
    return _KINDS.get(type_, Kind.JSON)


def _is_marked(metas: list[Meta], mark: str) -> bool:
    return any(meta.extra is not None and mark in meta.extra for meta in metas)


def _label(name: str) -> str:
    """Return a field's name as a label: `per_kwh` is "Per kwh"."""
    plain = name.removeprefix("is_").removesuffix("_at").removesuffix("_s").replace("_", " ")
    return f"{plain[:1].upper()}{plain[1:]}"


def _invalid(problem: str) -> Invalid:
    """Return msgspec's message as a sentence: its field first, its types in plain words."""
    for name, words in _TYPES.items():
        problem = problem.replace(f"`{name}`", words)
    message, _, path = problem.replace("`", "").partition(" - at ")
    field = path.removeprefix("$.")
    sentence = f"{field}: {message[0].lower()}{message[1:]}." if field else f"{message}."
    return Invalid(sentence, field.partition(".")[0].partition("[")[0])
