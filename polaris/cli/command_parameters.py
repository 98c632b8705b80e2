"""The arguments and options of commands that are made from a catalog: of its types' arguments."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from polaris.cli.common import Instant
from polaris.domain.arguments import Argument, Kind, StrictStruct, arguments, from_json, is_number


class InstantText(click.ParamType[Any]):
    """The text of an instant, which the catalog parses: it would take a number for seconds since 1970."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if is_number(value):
            self.fail(f"{value} is no instant such as 2026-11-23T14:00:00Z.", param, ctx)
        return value


class JsonFile(click.ParamType[Any]):
    """A value that is too large to type, from a file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            with click.open_file(value, encoding="utf-8") as file:
                return from_json(file.read())
        except ValueError:
            self.fail(f"{value} is not JSON.", param, ctx)


def parameters(
    type_: type[StrictStruct], files: Collection[str] = (), *, is_whole: bool = False
) -> list[click.Parameter]:
    """Make an argument of each required field and each list of texts, and an option of any other.

    A value that can be cleared is an argument that may be left out, beside the option `--clear`. `files` are texts of
    many lines, of which the command line is given the file. Of a target that `is_whole` nothing has to be given.
    """
    return [
        parameter
        for argument in arguments(type_)
        for parameter in ([_file(argument)] if argument.name in files else _parameters(argument, is_whole))
    ]


def help_text(type_: type[StrictStruct]) -> str:
    """Return the type's docstring, then a line for each argument: click shows the help of options only."""
    lines = [
        f"{metavar(argument)}: {argument.meaning}"
        for argument in arguments(type_)
        if argument.meaning and _is_positional(argument)
    ]
    return "\n\n".join([cleandoc(type_.__doc__ or ""), *lines])


def _file(argument: Argument) -> click.Argument:
    return click.Argument([argument.name], type=click.Path(exists=True, dir_okay=False, path_type=Path))


def _parameters(argument: Argument, is_whole: bool) -> Iterator[click.Parameter]:
    name, type_ = metavar(argument), _param_type(argument)
    if argument.kind is Kind.TEXTS:
        is_required = argument.is_required and not argument.is_clearable
        yield click.Argument([argument.name], nargs=-1, required=is_required, metavar=f"[{name}]...")
    elif argument.kind is Kind.SECRET:
        yield click.Option(
            [f"--{dashed(argument)}-stdin"], is_flag=True, help="Read it from the first line of standard input."
        )
    elif argument.kind is Kind.FLAG:
        yield click.Option([f"--{dashed(argument)}", argument.name], is_flag=True, help=argument.meaning)
    elif _is_positional(argument):
        yield click.Argument([argument.name], type=type_, metavar=name, required=not argument.is_clearable)
    else:
        names = [f"--{dashed(argument)}", argument.name]
        default = f"[default: {argument.default}]" if argument.default else ""
        meaning = " ".join(filter(None, (argument.meaning, default)))
        is_required = argument.is_required and not is_whole
        yield click.Option(names, type=type_, metavar=name, help=meaning, required=is_required)
    if argument.is_clearable:
        yield click.Option(["--clear", "is_clear"], is_flag=True, help="Let it be as if it had never been set.")


def _is_positional(argument: Argument) -> bool:
    is_entered = argument.kind not in (Kind.SECRET, Kind.FLAG) and not argument.is_named
    return argument.kind is Kind.TEXTS or (argument.is_required and is_entered)


def _param_type(argument: Argument) -> click.ParamType[Any] | None:
    types: dict[Kind, click.ParamType[Any]] = {
        Kind.CHOICE: click.Choice(argument.choices, case_sensitive=False),
        Kind.INSTANT: InstantText() if argument.is_zoned else Instant(),
        Kind.JSON: JsonFile(),
    }
    return types.get(argument.kind)


def dashed(argument: Argument) -> str:
    """Return the name of an argument's option."""
    return argument.plain_name.replace("_", "-")


def metavar(argument: Argument) -> str:
    """Return what stands for a value in the help."""
    if argument.kind is Kind.TEXTS:
        return argument.plain_name.removesuffix("s").upper()
    if argument.unit:
        return argument.unit.upper()
    if argument.kind is Kind.CHOICE:
        return "|".join(argument.choices)
    if argument.kind is Kind.JSON:
        return "FILE"
    if _is_positional(argument):
        return argument.plain_name.upper()
    return "NUMBER" if argument.kind in (Kind.NUMBER, Kind.AMOUNT) else "TEXT"
