"""The parts that the groups of commands share: their class, types and options, and terminal input and output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from flask.cli import AppGroup, ScriptInfo
from peewee import PeeweeException

from polaris.administration import COMMAND_LINE, Refused
from polaris.domain import filters
from polaris.domain.argument_words import within
from polaris.domain.arguments import Argument
from polaris.domain.filters import NO_WORDS, Filter
from polaris.domain.limits import MAX_INT32
from polaris.services import NAME

Command = TypeVar("Command", bound=Callable[..., Any])
AnyFilter = TypeVar("AnyFilter", bound=Filter)
MAX_SHORT_HELP = 200  # characters
MAX_LISTED = 10_000  # rows
NO_TABLES = ("no such table", "does not exist")

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
limit_option = click.option("--limit", type=click.IntRange(1, MAX_LISTED), default=50, show_default=True)


def filter_option(
    name: str, meaning: str, choices: Iterable[str] = (), words: Mapping[str, str] = NO_WORDS
) -> Callable[[Command], Command]:
    """Make an option of a filter's value. The filter itself refuses what it does not understand.

    `words` are those of values that lists show otherwise.
    """
    metavar = "|".join(choices) or "TEXT"
    meaning += " " + ", ".join(f"{value}: {shown}" for value, shown in words.items()) + "." if words else ""
    return click.option(f"--{name.replace('_', '-')}", name, default="", metavar=metavar, help=meaning)


Row = TypeVar("Row")


class Group(AppGroup):
    """A group whose failures are one line, and whose change notifications are published before the process ends."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refused:
            raise click.ClickException(str(refused)) from None
        except PeeweeException as error:
            raise click.ClickException(_database_problem(error)) from None
        except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough; click ends without a word
            raise
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'A file'}: {error.strerror}.") from None
        finally:
            info = ctx.find_object(ScriptInfo)
            if info is not None:
                info.load_app().extensions[NAME].publisher.close()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the whole first sentence of their help: click would cut it to fit one line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(MAX_SHORT_HELP)) for name, command in commands if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def utf8_text(path: Path) -> str:
    """Return the text of a file. Raise `Refused` if it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8.") from None


class RowId(click.ParamType[int]):
    """The number of a row, which is no greater than databases take."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return filters.number(str(value)) or self.fail(f"{value}: {within(1, MAX_INT32)}", param, ctx)


class Instant(click.ParamType[datetime]):
    """An instant in ISO 8601; one without a zone is in UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no instant such as 2026-11-23T08:00 (UTC) or 2026-11-23T08:00+01:00.", param, ctx)
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def understood(wanted: AnyFilter) -> AnyFilter:
    """Return a filter if it is understood. Raise `Refused`: a mistyped one must not list everything."""
    if wanted.wrong:
        raise Refused(wanted.sentence)
    return wanted


def newest(page: Callable[[int, int | None], tuple[list[Row], int | None]], limit: int) -> list[Row]:
    """Return the first rows of a list. `page` reads some of them: how many at most, and behind which key."""
    rows, after = page(limit, None)
    while after is not None and len(rows) < limit:
        more, after = page(limit - len(rows), after)
        rows += more
    return rows


def audited() -> dict[str, Any]:
    """Return the arguments of an administration function that go into its audit row."""
    return {"actor": COMMAND_LINE, "now": datetime.now(UTC)}


def confirm(question: str, *, yes: bool) -> None:
    """Ask before what cannot be taken back, unless --yes was given; end the command if the answer is no."""
    if not yes:
        click.confirm(question, abort=True)


def read_secret(argument: Argument) -> str:
    """Ask for a secret, twice."""
    secret: str = click.prompt(f"{argument.label} ({argument.meaning})", hide_input=True, confirmation_prompt=True)
    return secret


def first_line() -> str:
    """Read the first line of standard input."""
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refused("Standard input is not UTF-8.") from None


def show_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows, the first of them the headings, in columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _database_problem(error: PeeweeException) -> str:
    first = str(error).strip().partition("\n")[0]
    if any(sign in first for sign in NO_TABLES):
        return "The database has no tables yet. Make them with: flask --app app db upgrade"
    return f"The database (DATABASE_URL) cannot be used: {first}"
