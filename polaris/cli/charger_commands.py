"""What chargers can be commanded to do, as commands under `charger`: one for each of `command_kinds`, from its type.

Each is sent at once or not at all, says what became of it when that is known, and ends with 0 where the charger did as
it was asked. A value of `-` is read from standard input.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import click
import msgspec
from flask.cli import with_appcontext
from msgspec.structs import FieldInfo

from polaris.administration import COMMAND_LINE, Refused
from polaris.domain.commands import catalog, lifecycle
from polaris.domain.commands.catalog import CHANGE_KEY, KINDS, ChargerCommand, Invalid
from polaris.domain.enums import CommandState
from polaris.ingest import CommandRefusal, CommandView
from polaris.services import services

POLL_S = 0.1
COLUMNS = ("ID", "WHEN", "BY", "COMMAND", "WHAT BECAME OF IT")
SUFFIXES = {"_at": "INSTANT", "_s": "SECONDS"}
SHELL_ALONE = (CHANGE_KEY,)  # which has a command of its own: `charger rotate`


def all_commands() -> Iterator[click.Command]:
    """The commands to hang under `charger`."""
    yield commands
    for kind, type_ in KINDS.items():
        if kind not in SHELL_ALONE:
            yield _command(kind, type_)


@click.command("commands")
@click.argument("identity")
@click.option("--last", type=click.IntRange(1, 500), default=20, show_default=True, help="How many of them.")
@with_appcontext
def commands(identity: str, last: int) -> None:
    """List what a charger was commanded to do lately, and what became of it."""
    found = services().ingest.latest_commands(identity, datetime.now(UTC), last)
    if not found:
        click.echo(f"Nothing was asked of {identity}.")
        return
    rows = [COLUMNS, *map(_columns, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def ask(identity: str, wanted: ChargerCommand, *, waits: bool = True) -> CommandView:
    """Ask a charger for something, and say what became of it: at once, or when that is known. Raise `Refused`."""
    made = services().ingest.request_command(identity, wanted, COMMAND_LINE, datetime.now(UTC))
    if isinstance(made, CommandRefusal):
        raise Refused(made.value)
    seen = _now(made)
    while waits and seen.is_open:
        time.sleep(POLL_S)
        before, seen = seen.sentence, _now(made)
        if seen.is_open and seen.sentence != before:
            click.echo(_printable(seen.sentence))
    click.echo(_printable(seen.sentence))
    for line in _lines({name: value for name, value in seen.answer.items() if name != "status"}):
        click.echo(f"  {line}")
    return seen


def _command(kind: str, type_: type[ChargerCommand]) -> click.Command:
    """A command whose arguments are the fields that must be given, and whose options are the others."""
    fields = msgspec.structs.fields(type_)

    @with_appcontext
    def run(identity: str, no_wait: bool, **given: Any) -> None:
        arguments = {name: _from_stdin(value) for name, value in given.items() if value not in (None, (), False)}
        try:
            wanted = catalog.read(kind, arguments, is_text=True)
        except Invalid as problem:
            raise Refused(f"This is no {kind} command. {problem}") from None
        seen = ask(identity, wanted, waits=not no_wait)
        if seen.state not in (CommandState.ACCEPTED, *lifecycle.OPEN):
            raise click.exceptions.Exit(1)

    parameters: list[click.Parameter] = [click.Argument(["identity"]), *map(_parameter, fields)]
    parameters.append(click.Option(["--no-wait"], is_flag=True, help="Do not wait for what becomes of it."))
    return click.Command(kind, callback=run, params=parameters, help=_help(type_, fields))


def _from_stdin(value: Any) -> Any:
    """What was typed, or, for `-`, the first line of standard input: a secret is not for a command line."""
    return sys.stdin.readline().rstrip("\r\n") if value == "-" else value


def _parameter(field: FieldInfo) -> click.Parameter:
    type_, _ = _plain(field.type)
    name, metavar = _words(field)
    if _is_text_list(type_):
        return click.Argument([field.name], nargs=-1, required=field.required, metavar=f"[{metavar}]...")
    reader = _reader(type_)
    if field.required:
        return click.Argument([field.name], type=reader, metavar=metavar)
    if type_ is bool:
        return click.Option([f"--{name}", field.name], is_flag=True, help=_meaning(field))
    return click.Option([f"--{name}", field.name], type=reader, metavar=metavar, help=_meaning(field))


def _plain(type_: Any) -> tuple[Any, str]:
    """A field's type without its bounds and without None, and what is said of it."""
    meaning = ""
    while get_origin(type_) in (Annotated, Union, UnionType):
        if get_origin(type_) is Annotated:
            type_, *metas = get_args(type_)
            meaning = next((meta.description for meta in metas if meta.description), meaning)
        else:
            type_ = next(one for one in get_args(type_) if one is not NoneType)
    return type_, meaning


def _reader(type_: Any) -> click.ParamType | None:
    if isinstance(type_, type) and issubclass(type_, StrEnum):
        return click.Choice([one.value for one in type_])
    if type_ is datetime:
        return Instant()
    is_nested = get_origin(type_) is tuple or (isinstance(type_, type) and issubclass(type_, msgspec.Struct))
    return JsonFile() if is_nested else None


def _is_text_list(type_: Any) -> bool:
    return get_origin(type_) is tuple and _plain(get_args(type_)[0])[0] is str


class Instant(click.ParamType):
    """An instant as a person writes it; a number alone, such as a year, would count seconds since 1970."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if _is_number(value):
            self.fail(f"{value} is no instant such as 2026-11-23T14:00:00Z.", param, ctx)
        return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class JsonFile(click.ParamType):
    """A value that is too large to type, from a file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            with click.open_file(value, encoding="utf-8") as file:
                return json.load(file)
        except (ValueError, RecursionError):
            self.fail(f"{value} is not JSON.", param, ctx)


def _words(field: FieldInfo) -> tuple[str, str]:
    """The option's name and what stands for its value."""
    type_, _ = _plain(field.type)
    name = field.name.removeprefix("is_")
    if _is_text_list(type_):
        return name, name.removesuffix("s").upper()
    metavar = "FILE" if isinstance(_reader(type_), JsonFile) else "TEXT" if not field.required else name.upper()
    for suffix, unit in SUFFIXES.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", "-"), unit
    if isinstance(_reader(type_), click.Choice):
        metavar = "|".join(one.value for one in type_)
    return name.replace("_", "-"), "NUMBER" if type_ in (int, float) and not field.required else metavar


def _meaning(field: FieldInfo) -> str:
    type_, meaning = _plain(field.type)
    return meaning or (_plain(get_args(type_)[0])[1] if _is_text_list(type_) else "")


def _help(type_: type[ChargerCommand], fields: tuple[FieldInfo, ...]) -> str:
    """The type's own sentence, and what is said of its arguments, which click has no place for."""
    arguments = [field for field in fields if field.required or _is_text_list(_plain(field.type)[0])]
    told = [(_words(field)[1], _meaning(field)) for field in arguments]
    said = [f"{name}: {meaning}" for name, meaning in told if meaning]
    return "\n\n".join([type_.__doc__ or "", *said])


def _now(command_id: int) -> CommandView:
    found = services().ingest.command(command_id, datetime.now(UTC))
    if found is None:
        raise Refused("The command was forgotten: too many others were asked for meanwhile.")
    return found


def _columns(one: CommandView) -> tuple[str, ...]:
    what = " ".join([one.kind, *_lines(one.arguments)])
    when = one.requested_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(one.id), when, one.requested_by, what if len(what) <= 60 else f"{what[:59]}…", _printable(one.sentence)


def _lines(value: Any, name: str = "") -> Iterator[str]:
    """What is in a JSON value, line by line."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _lines(inner, f"{name}[{number}]")
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        yield _printable(f"{name}={text}")


def _printable(text: str) -> str:
    """A charger's text, fit for a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
