"""One catalog, two fronts: what the command line can do and what the pages can do are the same, in the same words."""

from __future__ import annotations

import click
import pytest
from flask import Flask

from polaris.domain.arguments import Kind
from polaris.domain.commands.catalog import CHANGE_KEY, KINDS
from polaris.verbs import GROUPS, Verb

# Commands that only show something, or that belong to the machine: no verbs. What they show is on a page, or will be.
SHOWN = {
    "account": {"export", "factors", "invitations", "list"},
    "baseline": {"compare", "list"},
    "bulk": {"list", "show"},
    "charger": {"behaviour", "commands", "commissioning", "compare", "list", "rotate", "refused", "settings"},
    "card": {"import", "list", "tapped"},  # the import has a page of its own, with a preview
    "session": {"doubtful", "list", "stuck"},
    "fleet": {"filters", "walls"},
    "site": {"list"},
    "tariff": {"list", "preview"},
}
BY_HAND = {("session", "recompute")}  # its command has more: all sessions, and a dry run
EACH = [
    pytest.param(group, name, verb, id=f"{group}-{name}")
    for group, verbs in GROUPS.items()
    for name, verb in verbs.items()
]


def commands(app: Flask, group: str) -> dict[str, click.Command]:
    found = app.cli.commands[group]
    assert isinstance(found, click.Group)
    return found.commands


@pytest.mark.parametrize("group", GROUPS)
def test_neither_front_can_do_more(app: Flask, group: str) -> None:
    kinds = set(KINDS) - {CHANGE_KEY} if group == "charger" else set()

    assert set(commands(app, group)) == GROUPS[group].keys() | kinds | SHOWN[group]


@pytest.mark.parametrize(("group", "name", "verb"), EACH)
def test_both_fronts_say_the_same(app: Flask, group: str, name: str, verb: Verb) -> None:
    command = commands(app, group)[name]

    assert (command.help or "").split()[:3] == verb.help[0].split()[:3]
    if (group, name) not in BY_HAND:
        taken = {(parameter.name or "").removesuffix("_stdin") for parameter in command.params}
        none_of = {f"no_{argument.name}" for argument in verb.arguments if verb.is_whole}
        assert taken - {"yes", "is_clear"} - none_of == {argument.name for argument in verb.arguments}
        assert ("is_clear" in taken) is any(argument.is_clearable for argument in verb.arguments)
    assert ("yes" in {parameter.name for parameter in command.params}) is (verb.warning is not None)


@pytest.mark.parametrize(("group", "name", "verb"), EACH)
def test_each_argument_is_explained(group: str, name: str, verb: Verb) -> None:
    obvious = (Kind.CHOICE, Kind.FLAG)
    silent = [each.name for each in verb.arguments if not each.meaning and each.kind not in obvious]

    assert not silent
    assert verb.title[0].isupper()
    assert not verb.title.endswith(".")
    assert verb.help[0].endswith(".")
