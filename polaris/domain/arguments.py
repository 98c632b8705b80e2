"""Arguments of what a person can ask for: fields of a type, of which the command line and the pages make their forms.

A field's description (`msgspec.Meta`) is its help, its title the label. A field that is required and may be None is
one that can be cleared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta
from msgspec.structs import FieldInfo

from polaris.domain import argument_words
from polaris.domain.argument_words import IS_NEEDED, NO_INSTANT
from polaris.domain.sentences import Problem, Sentence, say

NO_JSON = say("This is not JSON.")

UNITS = {"_at": "instant", "_s": "seconds", "_kw": "kW"}  # suffixes of a field's name
# Marks of a field: a secret is asked for or read from standard input, and never shown again; a required one that is
# named is an option of the command line and no argument.
SECRET = Meta(extra={"secret": True})
NAMED = Meta(extra={"named": True})


class StrictStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A value whose fields are checked when it is read."""


T = TypeVar("T", bound=StrictStruct)


class Invalid(Problem):
    """Values that arguments cannot have. `field` is the one to blame, if there is one; `path` is which part of it.

    The sentence stands beside the field. As a text, the error names the field, too.
    """

    def __init__(self, sentence: str, field: str = "", path: str = "") -> None:
        is_whole = path in ("", field)
        super().__init__(sentence if is_whole else say("%(path)s: %(problem)s", path=path, problem=sentence))
        self.field = field
        self.named = say("%(path)s: %(problem)s", path=field, problem=sentence) if field and is_whole else self.sentence

    def __str__(self) -> str:
        return self.named


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


_DIGITS = {Kind.NUMBER: argument_words.is_whole_number, Kind.AMOUNT: argument_words.is_amount}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: how it is entered, and what is said of it."""

    name: str  # of the type's field
    kind: Kind
    is_required: bool
    is_clearable: bool  # required, and may be None
    default: str  # as a person would type it; "" for none
    label: Sentence  # of a form's field
    meaning: Sentence
    choices: tuple[str, ...]
    minimum: int | None
    maximum: int | None
    min_length: int
    max_length: int | None
    is_named: bool  # an option on the command line, although it is required
    is_zoned: bool  # an instant without its zone is refused; else it is in UTC

    @property
    def is_free_text(self) -> bool:
        """Whether an empty text is a value of its own: a setting may be set to nothing."""
        return self.kind is Kind.TEXT and self.is_required and not self.is_clearable and not self.min_length

    @property
    def unit(self) -> str:
        """The unit of a value, by the field's name; "" if the name has none."""
        return next((unit for suffix, unit in UNITS.items() if self.name.endswith(suffix)), "")

    @property
    def plain_name(self) -> str:
        """The name without what says of which kind or unit it is."""
        name = _product_word(self.name)
        return next((name.removesuffix(suffix) for suffix in UNITS if name.endswith(suffix)), name)


@cache
def arguments(type_: type[StrictStruct]) -> tuple[Argument, ...]:
    """Return a type's arguments, in its order."""
    return tuple(map(_argument, msgspec.structs.fields(type_)))


def help_of(type_: type[StrictStruct]) -> tuple[Sentence, ...]:
    """Return a type's docstring in paragraphs: the explanation above its form."""
    paragraphs = (" ".join(part.split()) for part in (type_.__doc__ or "").split("\n\n"))
    return tuple(say(paragraph) for paragraph in paragraphs if paragraph)


def read(type_: type[T], values: Mapping[str, Any], *, is_text: bool = False) -> T:
    """Make a type of values and check its bounds; with `is_text` they are as a person typed them. Raise `Invalid`."""
    if is_text and isinstance(values, Mapping):
        _check_digits(type_, values)
    try:
        made = msgspec.convert(values, type_, strict=not is_text)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), type_) from None
    _check_instants(made)
    return made


def _check_instants(made: StrictStruct) -> None:
    """Raise `Invalid` for an instant that is none in UTC, at the ends of the calendar."""
    for argument in arguments(type(made)):
        value = getattr(made, argument.name)
        if isinstance(value, datetime):
            try:
                value.astimezone(UTC)
            except (ValueError, OverflowError):
                raise Invalid(NO_INSTANT, argument.name) from None


def _check_digits(type_: type[StrictStruct], values: Mapping[str, Any]) -> None:
    """Raise `Invalid` for a number that is not written in digits: msgspec takes 1e9 for one, and no sum 1e999999999."""
    for argument in arguments(type_):
        value = values.get(argument.name)
        if argument.kind in _DIGITS and isinstance(value, str | Decimal) and not _DIGITS[argument.kind](f"{value}"):
            has_exponent = argument.kind is Kind.AMOUNT and argument_words.has_exponent(f"{value}")
            words = argument_words.NO_EXPONENT if has_exponent else _words("Invalid decimal", argument)
            raise Invalid(words, argument.name)


def typed(type_: type[StrictStruct], texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values that a person typed into a form, and what is wrong with each, in sentences, by field."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for argument in arguments(type_):
        text = texts.get(argument.name, "")
        if not text.strip() and not (argument.is_free_text and argument.name in texts):
            if argument.is_clearable:
                values[argument.name] = None
            elif argument.is_required:
                problems[argument.name] = IS_NEEDED
            continue
        try:
            values[argument.name] = _value(argument, text)
        except Problem as problem:
            problems[argument.name] = problem.sentence
    return values, problems | out_of_bounds(type_, values)


def is_number(text: str) -> bool:
    """Return whether a text would be taken for a number, and an instant for seconds since 1970."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _value(argument: Argument, text: str) -> Any:
    """Return a text as `read` takes it. Raise `Problem`."""
    match argument.kind:
        case Kind.FLAG:
            return True
        case Kind.TEXTS:
            return [line.strip() for line in text.splitlines() if line.strip()]
        case Kind.JSON:
            return from_json(text)
        case Kind.INSTANT:
            return _instant(text.strip(), is_zoned=argument.is_zoned)
        case Kind.TEXT | Kind.SECRET:
            return text
    return text.strip()


def from_json(text: str) -> Any:
    """Return a value of JSON. Raise `Problem`."""
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        raise Problem(NO_JSON) from None


def _finite(text: str) -> float:
    """Return a number of JSON. Raise ValueError for one that JSON cannot have, or that no float holds."""
    if not isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _instant(text: str, *, is_zoned: bool) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(NO_INSTANT) from None
    if at.tzinfo is None and is_zoned:
        raise Problem(NO_INSTANT)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def out_of_bounds(type_: type[StrictStruct], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each value by itself, in a sentence without its name."""
    problems: dict[str, str] = {}
    for name, value in values.items():
        try:
            read(_alone(type_, name), {name: value}, is_text=True)
        except Invalid as problem:
            problems[name] = problem.sentence
    return problems


@cache
def _alone(type_: type[StrictStruct], name: str) -> Any:
    """Return a type with one of a type's fields, so that each is checked, whatever the others hold."""
    field = next(field for field in msgspec.structs.fields(type_) if field.name == name)
    return msgspec.defstruct(f"{type_.__name__}_{name}", [(name, field.type)])


def _argument(field: FieldInfo) -> Argument:
    type_, metas, is_nullable = _plain(field.type)
    is_list = get_origin(type_) is tuple and _plain(get_args(type_)[0])[0] is str
    described = [*metas, *_plain(get_args(type_)[0])[1]] if is_list else metas
    kind = Kind.TEXTS if is_list else _kind(type_, metas)
    max_length = next((meta.max_length for meta in metas if meta.max_length), None)
    return Argument(
        name=field.name,
        kind=kind,
        is_required=field.required,
        is_clearable=field.required and is_nullable,
        default=_default(field),
        label=say(next((meta.title for meta in metas if meta.title), _label(field.name))),
        meaning=say(next((meta.description for meta in described if meta.description), "")),
        choices=tuple(member.value for member in type_) if kind is Kind.CHOICE else (),
        minimum=next((meta.ge for meta in metas if isinstance(meta.ge, int)), None),
        maximum=next((meta.le for meta in metas if isinstance(meta.le, int)), None),
        min_length=next((meta.min_length for meta in metas if meta.min_length), 0),
        max_length=_extra(metas, "max_text") if is_list else max_length,  # of all lines
        is_named=_is_marked(metas, "named"),
        is_zoned=any(meta.tz for meta in metas),
    )


def _default(field: FieldInfo) -> str:
    is_said = field.default not in (NODEFAULT, None, False, ())
    return str(field.default) if is_said else ""


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


def _extra(metas: list[Meta], name: str) -> Any:
    return next((meta.extra[name] for meta in metas if meta.extra and name in meta.extra), None)


def _is_marked(metas: list[Meta], mark: str) -> bool:
    return _extra(metas, mark) is not None


def _label(name: str) -> str:
    """Return a field's name as a label: `per_kwh` is "Per kwh"."""
    plain = _product_word(name).removesuffix("_at").removesuffix("_s").replace("_", " ")
    return f"{plain[:1].upper()}{plain[1:]}"


def _product_word(name: str) -> str:
    """Return a field's name with the product's word for OCPP's id tag."""
    return name.removeprefix("is_").replace("id_tag", "card")


def _invalid(problem: str, type_: type[StrictStruct]) -> Invalid:
    """Return msgspec's message as a sentence that says what to type, its field first."""
    message, _, path = problem.partition(" - at ")
    field = path.strip("`").removeprefix("$").removeprefix(".")
    words = _words(message, next((each for each in arguments(type_) if each.name == field), None))
    name = field.partition(".")[0].partition("[")[0]
    return Invalid(words, name, field)


def _words(message: str, argument: Argument | None) -> Sentence:
    """Return a message in words, with all the bounds of its argument, if it is about one as a whole."""
    is_missing = message.startswith("Object ")
    if argument is not None and argument.kind is Kind.NUMBER and not is_missing:
        return argument_words.within(argument.minimum, argument.maximum)
    if argument is not None and argument.kind is Kind.CHOICE and not is_missing:
        return argument_words.one_of(argument.choices)
    return argument_words.sentence(message)
