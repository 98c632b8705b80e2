"""Commands that are made from the catalog of verbs: one for each, with its arguments, its question and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import with_appcontext

from polaris.administration import COMMAND_LINE, Refused
from polaris.cli import command_parameters
from polaris.cli.common import Group, confirm, first_line, read_secret, utf8_text, yes_option
from polaris.domain.arguments import Argument, Invalid, Kind, StrictStruct, out_of_bounds, read, typed
from polaris.services import services
from polaris.verbs import GROUPS, Verb, perform
from polaris.verbs.perform import texts
from polaris.verbs.verb import Values


def add_to(group: Group) -> None:
    """Add a command for each verb of a group. One that is there already says more than a verb can."""
    for name, verb in GROUPS.get(group.name or "", {}).items():
        if name not in group.commands:
            group.add_command(_command(name, verb))


def _command(name: str, verb: Verb) -> click.Command:
    @with_appcontext
    def run(**values: Any) -> None:
        is_confirmed = values.pop("yes", False)
        arguments, seen = arguments_of(verb, values)
        shown = ask(verb, arguments, yes=is_confirmed)
        done = perform(services(), verb, arguments, actor=COMMAND_LINE, now=datetime.now(UTC), seen=seen, shown=shown)
        click.echo(done.sentence)
        for target, secret in done.secrets.items():
            click.echo(f"The key of {target}, which is not shown again: {secret}")
        for whose, path in done.links.items():
            click.echo(f"The link for {whose}, which is not shown again: {services().config.site_url}{path}")
            click.echo(done.use)

    help_ = command_parameters.help_text(verb.type)
    command = click.Command(name, callback=run, params=parameters(verb), help=help_)
    return yes_option(command) if verb.warning else command


def parameters(verb: Verb) -> list[click.Parameter]:
    return command_parameters.parameters(verb.type, verb.lines, is_whole=verb.is_whole)


def arguments_of(verb: Verb, values: dict[str, Any]) -> tuple[StrictStruct, Values | None]:
    """Make the verb's arguments of the command's values, and return what they were filled up with. Raise `Refused`."""
    is_clear = values.pop("is_clear", False)
    seen = _standing(verb, values) if verb.is_whole else None
    given = typed(verb.type, seen)[0] if seen else {}
    for argument in verb.arguments:
        value: Any = _secret(argument, values) if argument.kind is Kind.SECRET else values[argument.name]
        is_given = value is not None and value is not False and value != ()
        if argument.is_clearable and is_clear is is_given:
            raise Refused(f"Give {command_parameters.metavar(argument)}, or --clear.")
        if argument.name in verb.lines:
            value = utf8_text(value)
        if is_given or argument.is_clearable:
            given[argument.name] = value if is_given else None
        elif verb.is_whole and argument.is_required and argument.name not in given:
            raise Refused(f"Give --{command_parameters.dashed(argument)}: there is none yet that could stay.")
    _check(verb, given)
    try:
        return read(verb.type, given, is_text=True), seen
    except Invalid as problem:
        raise Refused(str(problem)) from None


def _check(verb: Verb, given: Mapping[str, Any]) -> None:
    """Raise `Refused` with all that is wrong, each with its label."""
    labels = {argument.name: argument.label for argument in verb.arguments}
    unread = {name: f"{labels[name]}: {problem}" for name, problem in out_of_bounds(verb.type, given).items()}
    problems = verb.all_problems(given, unread)
    if problems:
        raise Refused(" ".join(problems.values()))


def _standing(verb: Verb, values: dict[str, Any]) -> Values:
    """Return what the target has now, as a form would be filled in. Raise `Refused`."""
    target = verb.arguments[0]
    return verb.present(values[target.name] or target.default) if verb.present else {}


def _secret(argument: Argument, values: dict[str, Any]) -> str | None:
    """Read a secret from standard input, or ask for it if there has to be one."""
    if values.pop(f"{argument.name}_stdin"):
        secret = first_line()
        if not secret and not argument.is_required:
            raise Refused("There was no key on standard input.")
        return secret
    return read_secret(argument) if argument.is_required else None


def ask(verb: Verb, arguments: StrictStruct, *, yes: bool) -> frozenset[str] | None:
    """Ask whether to make a change, and return whom it was shown to hit; None if nobody was asked."""
    warning = verb.warning(texts(arguments)) if verb.warning else None
    if warning is None or not (warning.hits or warning.is_asked):
        return None
    for hit in warning.hits:
        click.echo(hit)
    confirm(warning.question, yes=yes)
    return None if yes else frozenset(warning.hits)
