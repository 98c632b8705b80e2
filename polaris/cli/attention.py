"""`flask --app app attention`: what needs a person, as the page of the same name lists it."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import click

from polaris import attention
from polaris.attention import UNTIL, Acknowledged, Item, Note, Section
from polaris.attention.acknowledgements import MAX_NOTE_LENGTH, UNTIL_IT_CHANGES
from polaris.cli.common import Group, audited
from polaris.domain.instants import minute_text
from polaris.domain.spelling import printable
from polaris.services import services

attention_group = Group("attention", help="What needs a person.")
key_argument = click.argument("key")


@attention_group.command("list")
def attention_list() -> None:
    """List what needs a person, with the evidence and the commands that may settle it."""
    found = attention.read(datetime.now(UTC), services().config.directories)
    if not found.count:
        click.echo("Nothing needs you.")
    for section in found.sections:
        if section.count:
            _show_section(section)
    if found.acknowledged:
        click.echo("Acknowledged")
        for known in found.acknowledged:
            _show_acknowledged(known)


@attention_group.command("acknowledge")
@key_argument
@click.option(
    "--until",
    type=click.Choice(list(UNTIL)),
    default=UNTIL_IT_CHANGES,
    show_default=True,
    help="When it is to come back: after 1 hour, 8 hours, 1 day, 1 week, or when it changes for the worse.",
)
@click.option("--note", default="", help=f"For other operators, at most {MAX_NOTE_LENGTH} characters.")
def attention_acknowledge(key: str, until: str, note: str) -> None:
    """Say that a matter is known. KEY is what `attention list` shows it by."""
    outcome = attention.acknowledge(
        services().publisher, key, until=until, note=note, directories=services().config.directories, **audited()
    )
    who = "" if outcome.is_new else " already"
    click.echo(f"{key} is acknowledged{who}: {_known(outcome.note)}.")


@attention_group.command("take-up")
@key_argument
def attention_take_up(key: str) -> None:
    """List a matter again that was acknowledged."""
    was_acknowledged = attention.take_up(services().publisher, key, **audited())
    click.echo(f"{key} is listed again." if was_acknowledged else f"{key} was not acknowledged.")


def _show_section(section: Section) -> None:
    click.echo(f"{section.kind.title} ({section.count}{'' if section.is_counted else '+'})")
    for item in section.items:
        _show_item(item)
    if section.more:
        click.echo(f"  and {section.more}{'' if section.is_counted else '+'} more")


def _show_item(item: Item) -> None:
    since = "" if item.since is None else f", since {minute_text(item.since)}"
    click.echo(f"  {_key(item)}{since}")
    for sentence in item.sentences:
        click.echo(f"    {printable(sentence)}")
    for action in item.actions:
        click.echo(f"    {action.text}: {printable(action.command)}")


def _show_acknowledged(known: Acknowledged) -> None:
    click.echo(f"  {_key(known.item)}: {_known(known.note)}")


def _known(note: Note) -> str:
    until = "until it changes" if note.until_at is None else f"until {minute_text(note.until_at)}"
    said = f": {note.text}" if note.text else ""
    return f"by {note.actor} at {minute_text(note.at)}, {until}{said}"


def _key(item: Item) -> str:
    return printable(shlex.quote(item.key))
