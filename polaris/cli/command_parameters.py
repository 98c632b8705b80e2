"""The arguments and options of commands to chargers, made from the fields of the catalog's types."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import click
import msgspec
from msgspec.structs import FieldInfo

from polaris.domain.commands.catalog import ChargerCommand

UNITS = {"_at": "INSTANT", "_s": "SECONDS"}  # suffixes of a field's name, and what stands for a value of that unit


class InstantText(click.ParamType[Any]):
    """The text of an instant, which the catalog parses: it would take a number for seconds since 1970."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if _is_number(value):
            self.fail(f"{value} is no instant such as 2026-11-23T14:00:00Z.", param, ctx)
        return value


class JsonFile(click.ParamType[Any]):
    """A value that is too large to type, from a file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            with click.open_file(value, encoding="utf-8") as file:
                return json.load(file)
        except (ValueError, RecursionError):
            self.fail(f"{value} is not JSON.", param, ctx)


def parameter(field: FieldInfo) -> click.Parameter:
    """Make an argument of a required field or a list of texts, and an option of any other."""
    type_, _ = _plain(field.type)
    name, metavar = _name_and_metavar(field)
    if _is_text_list(type_):
        return click.Argument([field.name], nargs=-1, required=field.required, metavar=f"[{metavar}]...")
    param_type = _param_type(type_)
    if field.required:
        return click.Argument([field.name], type=param_type, metavar=metavar)
    if type_ is bool:
        return click.Option([f"--{name}", field.name], is_flag=True, help=_meaning(field))
    return click.Option([f"--{name}", field.name], type=param_type, metavar=metavar, help=_meaning(field))


def help_text(type_: type[ChargerCommand]) -> str:
    """Return the type's docstring, then a line for each argument: click shows the help of options only."""
    fields = msgspec.structs.fields(type_)
    arguments = [field for field in fields if field.required or _is_text_list(_plain(field.type)[0])]
    meanings = [(_name_and_metavar(field)[1], _meaning(field)) for field in arguments]
    lines = [f"{name}: {meaning}" for name, meaning in meanings if meaning]
    return "\n\n".join([type_.__doc__ or "", *lines])


def _plain(type_: Any) -> tuple[Any, str]:
    """Return a field's type without its bounds and without None, and its description."""
    meaning = ""
    while get_origin(type_) in (Annotated, Union, UnionType):
        if get_origin(type_) is Annotated:
            type_, *metas = get_args(type_)
            meaning = next((meta.description for meta in metas if meta.description), meaning)
        else:
            type_ = next(member for member in get_args(type_) if member is not NoneType)
    return type_, meaning


def _param_type(type_: Any) -> click.ParamType[Any] | None:
    if isinstance(type_, type) and issubclass(type_, StrEnum):
        return click.Choice([member.value for member in type_])
    if type_ is datetime:
        return InstantText()
    is_nested = get_origin(type_) is tuple or (isinstance(type_, type) and issubclass(type_, msgspec.Struct))
    return JsonFile() if is_nested else None


def _is_text_list(type_: Any) -> bool:
    return get_origin(type_) is tuple and _plain(get_args(type_)[0])[0] is str


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _name_and_metavar(field: FieldInfo) -> tuple[str, str]:
    """Return the option's name and what stands for its value in the help."""
    type_, _ = _plain(field.type)
    name = field.name.removeprefix("is_")
    if _is_text_list(type_):
        return name, name.removesuffix("s").upper()
    for suffix, unit in UNITS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", "-"), unit
    return name.replace("_", "-"), _metavar(field, type_, name)


def _metavar(field: FieldInfo, type_: Any, name: str) -> str:
    param_type = _param_type(type_)
    if type_ in (int, float) and not field.required:
        return "NUMBER"
    if isinstance(param_type, click.Choice):
        return "|".join(param_type.choices)
    if isinstance(param_type, JsonFile):
        return "FILE"
    return name.upper() if field.required else "TEXT"


def _meaning(field: FieldInfo) -> str:
    type_, meaning = _plain(field.type)
    return meaning or (_plain(get_args(type_)[0])[1] if _is_text_list(type_) else "")
