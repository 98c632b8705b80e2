"""One catalog, two fronts: what the command line can do and what the pages can do are the same, in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient

from polaris import models
from polaris.domain.arguments import Kind
from polaris.domain.commands.catalog import KINDS
from polaris.domain.commissioning import Outcome, Step
from polaris.models import BulkCommand
from polaris.rendering import bulk_words, commissioning_words
from polaris.verbs import GROUPS, Verb
from tests.support import forms
from tests.support.cast import Cast
from tests.support.charging import Charging

# Commands that only show something, or that belong to the machine: no verbs. What they show is on a page, or will be.
SHOWN = {
    "account": {"export", "factors", "invitations", "list"},
    "baseline": {"compare", "list"},
    "bulk": {"list", "show"},
    "charger": {"behaviour", "commands", "commissioning", "compare", "list", "refused", "settings"},
    "card": {"import", "list", "tapped"},  # the import has a page of its own, with a preview
    "session": {"doubtful", "list", "stuck"},
    "fleet": {"filters", "walls"},
    "site": {"list"},
    "tariff": {"list", "preview"},
}
BY_HAND = {("session", "recompute"), ("session", "stop")}  # their commands have more: all sessions, and waiting
OTHERWISE = {  # forms that no link leads to: what does the same on a page
    ("bulk", "again"): "a button of the bulk command's page",
    ("bulk", "dry-run"): "the form of each command for many",
    ("session", "stop"): "the button of the session's page",
}
PLAIN = {"a", "an", "another", "it", "its", "of", "the", "this", "to", "with"}
ROOT = Path(__file__).parents[3]
LINK = re.compile(r"""group=['"](\w+)['"],\s*verb=['"]([\w-]+)['"](?s:(?!verb=|</a>).)*?_\("([^"]+)""")
OF_ANY_VERB = re.compile(r"""group=['"](\w+)['"],\s*verb=verb\b""")  # a macro's, whose verbs stand beside their words
LABELLED = re.compile(r"""\(\s*"([\w-]+)",\s*(?:_|ngettext)\("([^"]+)""")
REMEDY = re.compile(r"""verb\(\s*N_\("([^"]+)"\),\s*"(\w+)",\s*"([\w-]+)\"""")
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
    kinds = set(KINDS) if group == "charger" else set()

    assert set(commands(app, group)) == GROUPS[group].keys() | kinds | SHOWN[group]


@pytest.mark.parametrize(("group", "name", "verb"), EACH)
def test_both_fronts_say_the_same(app: Flask, group: str, name: str, verb: Verb) -> None:
    command = commands(app, group)[name]

    assert (command.help or "").split()[:3] == verb.help[0].split()[:3]
    if (group, name) not in BY_HAND:
        taken = {(parameter.name or "").removesuffix("_stdin") for parameter in command.params}
        assert taken - {"yes", "is_clear"} == {argument.name for argument in verb.arguments}
        assert ("is_clear" in taken) is any(argument.is_clearable for argument in verb.arguments)
    assert ("yes" in {parameter.name for parameter in command.params}) is (verb.warning is not None)


@pytest.mark.parametrize(("group", "name", "verb"), EACH)
def test_both_fronts_say_the_same_default(app: Flask, group: str, name: str, verb: Verb) -> None:
    options = {each.name: each for each in commands(app, group)[name].params if isinstance(each, click.Option)}
    for argument in verb.arguments:
        if argument.default:
            assert f"[default: {argument.default}]" in (options[argument.name].help or "")


@pytest.mark.parametrize(("group", "name", "verb"), EACH)
def test_each_argument_is_explained(group: str, name: str, verb: Verb) -> None:
    obvious = (Kind.CHOICE, Kind.FLAG)
    silent = [each.name for each in verb.arguments if not each.meaning and each.kind not in obvious]

    assert not silent
    assert verb.title[0].isupper()
    assert not verb.title.endswith(".")
    assert verb.help[0].endswith(".")


def links() -> Iterator[tuple[str, str, str]]:
    """Yield group, verb and words of each link to a form: of the templates, and of what needs a person."""
    for path in (ROOT / "templates").rglob("*.html"):
        template = path.read_text()
        yield from LINK.findall(template)
        for group in OF_ANY_VERB.findall(template):
            yield from ((group, verb, words) for verb, words in LABELLED.findall(template))
    for path in (ROOT / "polaris" / "attention").glob("*.py"):
        yield from ((group, verb, words) for words, group, verb in REMEDY.findall(path.read_text()))


def test_each_form_is_linked() -> None:
    every = {(group, name) for group, verbs in GROUPS.items() for name in verbs}

    assert {(group, name) for group, name, _ in links()} == every - OTHERWISE.keys()


def words_of(*texts: str) -> set[str]:
    """Return the words of texts, without those that are plain from the place and those after a value."""
    text = re.sub(r"%\(.*?\)s.*|'s", "", " ".join(texts)).casefold()
    return set(re.findall(r"[a-z-]+", text)) - PLAIN


@pytest.mark.parametrize(
    ("group", "name", "words"), [pytest.param(*link, id="-".join(link)) for link in sorted(set(links()))]
)
def test_link_and_form_have_the_same_words(group: str, name: str, words: str) -> None:
    """A link says no other words than its form: the title's, or those of what it fills in."""
    verb = GROUPS[group][name]
    filled_in = [text for argument in verb.arguments for text in (argument.label, argument.meaning)]

    assert words_of(words) <= words_of(verb.title, verb.anew, *verb.acts.values(), *filled_in)
    assert words_of(words) & words_of(verb.title, verb.anew, *verb.acts.values())


def test_no_page_leads_to_the_command_line() -> None:
    templates = (path.read_text() for path in (ROOT / "templates").rglob("*.html"))

    assert not any("flask" in template for template in templates)


@pytest.mark.parametrize(("group", "name", "verb"), EACH)
def test_bounds_are_those_that_are_said(group: str, name: str, verb: Verb) -> None:
    for argument in verb.arguments:
        said = re.search(r"to (\d+) characters|(Three) letters", argument.meaning)
        if said and argument.max_length is not None:
            assert argument.max_length == int(said[1] or 3), argument.name


def said(app: Flask, *arguments: str) -> str:
    done = app.test_cli_runner().invoke(args=list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def buttons(page: str) -> str:
    return " ".join(page.partition('class="bulk__buttons"')[2].partition("</p>")[0].split())


@pytest.mark.parametrize(
    ("verb", "then"), [("start", "pause"), ("pause", "resume"), ("resume", "cancel"), ("cancel", "")]
)
def test_both_fronts_say_how_far_a_bulk_is(
    app: Flask, olga: FlaskClient, charging: Charging, verb: str, then: str
) -> None:
    charging.status("Available")
    said(app, "bulk", "dry-run", "clear-cache", "--filter", "connectivity=online")
    verbs = ("start", "pause", "resume", "cancel")
    for earlier in verbs[: verbs.index(verb)]:
        said(app, "bulk", earlier, "1")
    assert GROUPS["bulk"][verb].title.removesuffix("them") in buttons(olga.get("/bulk/1").text)

    said(app, "bulk", verb, "1")

    state = bulk_words.STATES[BulkCommand.get().state]
    page = olga.get("/bulk/1").text
    for text in (page, olga.get("/bulk").text, said(app, "bulk", "show", "1"), said(app, "bulk", "list")):
        assert state in text
    assert not then or GROUPS["bulk"][then].title in buttons(page)


def test_both_fronts_list_what_is_prepared(app: Flask, olga: FlaskClient, charging: Charging) -> None:
    charging.status("Available")
    charging.start("CARD-NOBODY")
    assert "No command was sent" in said(app, "bulk", "list")
    said(app, "bulk", "dry-run", "reset", "--filter", "", "--interrupting")
    fronts = (
        lambda: said(app, "bulk", "list"),
        lambda: olga.get("/bulk").text,
        lambda: olga.get("/live/bulk?once").text,
    )
    for shown in fronts:
        assert "Dry run: nothing was sent" in shown()
        assert "1 charger" in shown()
    with models.database.connection_context():
        BulkCommand.update(state="expired").execute()
    for shown in fronts:
        assert "Dry run: nothing was sent" not in shown()


@pytest.mark.parametrize(
    ("state", "verbs", "exit_code", "sentence"),
    [
        ("draft", {"pause", "resume", "cancel"}, 1, "It is a dry run, of which nothing was sent"),
        ("expired", {"start", "pause", "resume", "cancel"}, 1, "This dry run is too old: make a new one."),
        ("running", {"start", "resume"}, 0, "It is being sent already."),
        ("paused", {"start"}, 1, "It is paused: go on with it."),
        ("paused", {"pause"}, 0, "It is paused already."),
        ("cancelled", {"start", "pause", "resume"}, 1, "It was cancelled for good: make a new dry run."),
        ("cancelled", {"cancel"}, 0, "It was cancelled already."),
        ("done", {"pause", "cancel"}, 1, "It is done: nothing is left to send."),
        ("done", {"start", "resume"}, 0, "It is done already."),
    ],
)
def test_both_fronts_say_why_a_bulk_is_not_changed(
    app: Flask, olga: FlaskClient, charging: Charging, state: str, verbs: set[str], exit_code: int, sentence: str
) -> None:
    charging.status("Available")
    said(app, "bulk", "dry-run", "clear-cache", "--filter", "connectivity=online")
    stale = forms.fields(olga.get("/bulk/1").text)
    with models.database.connection_context():
        BulkCommand.update(state=state).execute()
    for verb in verbs:
        done = app.test_cli_runner().invoke(args=["bulk", verb, "1"])
        assert (done.exit_code, sentence in done.output) == (exit_code, True), done.output
        answer = olga.post(f"/actions/bulk/{verb}", data=stale, follow_redirects=True)
        assert (answer.status_code, sentence in answer.text) == (422 if exit_code else 200, True), answer.text
    with models.database.connection_context():
        assert BulkCommand.get().state == state


def test_both_fronts_say_whom_a_bulk_leaves_out(app: Flask, olga: FlaskClient, cast: Cast) -> None:
    made = said(app, "bulk", "dry-run", "reset", "--filter", "")

    page, shown = olga.get("/bulk/1").text, said(app, "bulk", "show", "1")
    for text in (page, made, shown):
        assert "To get it" in text
        assert "Left out" in text
        assert "It is offline." in text
        assert " ".join(bulk_words.NOBODY.split()) in text.replace("&#39;", "'")


def test_both_fronts_name_whom_a_bulk_interrupts(app: Flask, olga: FlaskClient, cast: Cast, charging: Charging) -> None:
    charging.status("Available")
    first = charging.start(cast.ada.id_tag)
    for connector in range(2, 24):
        charging.start(cast.ada.id_tag, connector=connector)
    made = said(app, "bulk", "dry-run", "reset", "--filter", "", "--interrupting")

    page, shown = olga.get("/bulk/1").text, said(app, "bulk", "show", "1")
    asked = app.test_cli_runner().invoke(args=["bulk", "start", "1"], input="n\n")
    assert asked.exit_code == 1
    for text in (page, made, shown, asked.output):
        assert "This can interrupt 23 sessions." in text
        assert f"session {first} on connector 1: {cast.ada.email}" in text
        assert text.count(cast.ada.email) == 20
        assert "and 3 more" in text
    assert BulkCommand.get().state == "draft"
    said(app, "bulk", "start", "1", "--yes")
    assert BulkCommand.get().state == "running"


def test_both_fronts_say_how_a_commissioning_stands(app: Flask, olga: FlaskClient, charging: Charging) -> None:
    path, shown = "/fleet/depot-7/commission", ("charger", "commissioning", "depot-7")
    nothing = app.test_cli_runner().invoke(args=list(shown))
    assert nothing.exit_code == 1
    for text in (olga.get(path).text, nothing.output):
        assert commissioning_words.NOT_BEGUN in text
    said(app, "charger", "commission", "depot-7")
    left_out = said(app, "charger", "skip-step", "depot-7", "unlocked", "--reason", "A fixed cable")
    assert commissioning_words.STEPS[Step.UNLOCKED] in left_out
    for text in (olga.get(path).text, said(app, *shown)):
        for words in (*commissioning_words.STEPS.values(), "Waiting", "Passed", "Left out"):
            assert words in text
    said(app, "charger", "end-commission", "depot-7")
    for text in (olga.get(f"{path}/1").text, said(app, *shown)):
        assert commissioning_words.NOT_SHOWN in text
        assert Outcome.NOT_IN_ORDER in text


@pytest.mark.parametrize(("verb", "status"), [("block", "blocked"), ("retire", "retired")])
def test_no_commissioning_begins_out_of_service(
    app: Flask, olga: FlaskClient, cast: Cast, verb: str, status: str
) -> None:
    path, form = "/fleet/depot-7/commission", "/actions/charger/commission?identity=depot-7"
    said(app, "charger", "commission", "depot-7")
    said(app, "charger", verb, "depot-7", "--yes")
    for text in (olga.get(path).text, said(app, "charger", "commissioning", "depot-7")):
        assert f"It is {status}." in text
        assert "Restart it" not in text
    said(app, "charger", "end-commission", "depot-7")

    refused = app.test_cli_runner().invoke(args=["charger", "commission", "depot-7"])
    pressed = forms.fill_in(olga, form)

    assert (refused.exit_code, pressed.status_code) == (1, 422)
    for text in (olga.get(path).text, refused.output, pressed.text):
        assert f"depot-7 is {status}: unblock it first." in text
    said(app, "charger", "unblock", "depot-7", "--yes")
    assert "Begin the commissioning" in olga.get(path).text
    said(app, "charger", "commission", "depot-7")
