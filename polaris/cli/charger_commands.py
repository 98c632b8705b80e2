"""Commands to chargers, under `charger`: one for each entry of the catalog, made from its type, and their history.

A command is sent at once or not at all. It prints the outcome when that is known, and exits with 0 if the charger did
as it was asked. A value of `-` is read from standard input.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import with_appcontext

from polaris.administration import COMMAND_LINE, Refused
from polaris.cli import charger_settings, command_parameters
from polaris.cli.chargers import charger
from polaris.cli.common import show_table
from polaris.domain.arguments import Invalid
from polaris.domain.commands import catalog, interruptions, lifecycle, parameters
from polaris.domain.commands.catalog import KINDS, ChargerCommand
from polaris.domain.enums import CommandState
from polaris.domain.spelling import printable
from polaris.ingest import CommandRefusal, CommandView, Interrupts, RequestTerms
from polaris.services import services

POLL_INTERVAL_S = 0.1
MAX_COMMAND_WIDTH = 60
COLUMNS = ("ID", "WHEN (UTC)", "BY", "COMMAND", "WHAT BECAME OF IT")


@charger.command("commands")
@click.argument("identity")
@click.option("--last", type=click.IntRange(1, 500), default=20, show_default=True, help="How many of them.")
def commands(identity: str, last: int) -> None:
    """List what a charger was commanded to do lately, and what became of it."""
    views = services().ingest.latest_commands(identity, datetime.now(UTC), last)
    if not views:
        click.echo(f"Nothing was asked of {identity}.")
        return
    show_table([COLUMNS, *map(_columns, views)])


def request(
    identity: str, command: ChargerCommand, *, waits: bool = True, is_dry_run: bool = False, yes: bool = False
) -> CommandView:
    """Send a charger a command and print each step until its outcome. Raise `Refused` if it cannot be requested."""
    view = _read(_requested(identity, command, RequestTerms("", is_dry_run, None if yes else frozenset())))
    while waits and view.is_open:
        time.sleep(POLL_INTERVAL_S)
        previous, view = view, _read(view.id)
        if view.is_open and view.sentence != previous.sentence:
            click.echo(printable(view.sentence))
    click.echo(printable(view.sentence))
    if view.frame:
        click.echo(f"To {identity}, in {view.protocol}, on connection {view.connection_id}:")
        click.echo(f"  {printable(view.frame)}")
    if not charger_settings.show_answer(identity, view):
        for line in _lines({name: value for name, value in view.answer.items() if name != "status"}):
            click.echo(f"  {line}")
    return view


def _requested(identity: str, command: ChargerCommand, terms: RequestTerms) -> int:
    """Request a command; ask first whether to interrupt sessions, as often as others have begun meanwhile."""
    made = services().ingest.request_command(identity, command, COMMAND_LINE, datetime.now(UTC), terms)
    if isinstance(made, Interrupts):
        click.confirm(_printable_lines(interruptions.question(made.sessions)), abort=True)
        agreed = frozenset(session.number for session in made.sessions)
        return _requested(identity, command, replace(terms, agreed=agreed))
    if isinstance(made, CommandRefusal):
        raise Refused(made.value)
    return made


def _command(kind: str, type_: type[ChargerCommand]) -> click.Command:
    """Make a command whose arguments are the type's required fields, and whose options are its other fields."""

    @with_appcontext
    def run(identity: str, *, no_wait: bool, dry_run: bool, yes: bool, **values: Any) -> None:
        arguments = {name: _from_stdin(value) for name, value in values.items() if value not in (None, (), False)}
        try:
            command = catalog.asked(kind, arguments, datetime.now(UTC))
        except Invalid as problem:
            raise Refused(f"This is no {kind} command. {problem}") from None
        view = request(identity, command, waits=not no_wait, is_dry_run=dry_run, yes=yes)
        if view.state not in (CommandState.ACCEPTED, CommandState.PREVIEWED, *lifecycle.OPEN):
            raise click.exceptions.Exit(1)

    params = [
        click.Argument(["identity"]),
        *command_parameters.parameters(type_),
        click.Option(["--no-wait"], is_flag=True, help="Do not wait for what becomes of it."),
        click.Option(["--dry-run"], is_flag=True, help="Show what would be sent, and send nothing."),
        click.Option(["--yes"], is_flag=True, help="Do not ask before it interrupts sessions."),
    ]
    return click.Command(kind, callback=run, params=params, help=command_parameters.help_text(type_))


def _from_stdin(value: Any) -> Any:
    """Replace `-` by the first line of standard input, so that a secret need not be on the command line."""
    return sys.stdin.readline().rstrip("\r\n") if value == "-" else value


def _read(command_id: int) -> CommandView:
    view = services().ingest.command(command_id, datetime.now(UTC))
    if view is None:
        raise Refused("The command was forgotten: too many others were asked for meanwhile.")
    return view


def _columns(view: CommandView) -> tuple[str, ...]:
    command = ", ".join([parameters.title(view.kind), *parameters.in_words(view.kind, view.arguments)])
    if len(command) > MAX_COMMAND_WIDTH:
        command = f"{command[: MAX_COMMAND_WIDTH - 1]}…"
    at = f"{view.requested_at:%Y-%m-%d %H:%M:%S}"
    return str(view.id), at, view.requested_by, printable(command), printable(view.sentence)


def _lines(value: Any, name: str = "") -> Iterator[str]:
    """Flatten a JSON value into lines of `path=value`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _lines(inner, f"{name}[{number}]")
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        yield printable(f"{name}={text}")


def _printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


for _kind, _type in KINDS.items():
    charger.add_command(_command(_kind, _type))
