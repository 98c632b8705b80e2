"""Verbs for commands to many chargers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from polaris.administration import AlreadySo, Refused
from polaris.domain import bulk, filters, fleet_query
from polaris.domain.arguments import NAMED, Invalid, StrictStruct
from polaris.domain.bulk import BulkChange
from polaris.domain.commands import catalog, parameters
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.fleet_query import Query
from polaris.domain.sentences import N_, Problem, say, together
from polaris.ingest.bulk_commands import BulkCommands
from polaris.ingest.requests.bulks import BulkAlready, BulkRefusal
from polaris.lists import bulks, sites
from polaris.lists.bulks import Fate
from polaris.rendering.bulk_words import bulk_fate, bulk_interrupts, bulk_obstacle, bulk_whose
from polaris.verbs.verb import Done, Request, Values, Verb, Warning

MAX_NAMED = 20  # chargers that are left out; `bulk show` and the page have all of them
Kind = StrEnum("Kind", {kind.upper().replace("-", "_"): kind for kind in bulk.KINDS})  # type: ignore[misc]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1, title="Bulk command", description="Its number.")]


class DryRun(StrictStruct, frozen=True):
    """List the chargers that would get a command, and those that would not, and why. Nothing is sent.

    `bulk start` sends it to the chargers of that list.
    """

    kind: Annotated[Kind, Meta(title="Command")]
    filter: Annotated[
        str,
        NAMED,
        Meta(description="As in the fleet page's address: state=Faulted; empty: all chargers.", max_length=1000),
    ]
    arguments: Annotated[str, Meta(description='Of the command, as JSON: {"key": "…"}.', max_length=20_000)] = "{}"
    is_interrupting: Annotated[
        bool,
        Meta(description="Also where it can interrupt a session that runs now, if the command interrupts any at all."),
    ] = False


class Start(StrictStruct, frozen=True):
    """Send the command of a dry run to the chargers of its list, a few each second."""

    number: Number


class Pause(StrictStruct, frozen=True):
    """Pause a command to many chargers. What is sent already goes on."""

    number: Number


class Resume(StrictStruct, frozen=True):
    """Go on with a command to many chargers."""

    number: Number


class Cancel(StrictStruct, frozen=True):
    """Send a command to no more chargers, for good."""

    number: Number


class Again(StrictStruct, frozen=True):
    """Make a dry run for the chargers on which a command failed; of a dry run, for all of its list."""

    number: Number


def dry_run(request: Request, command: ChargerCommand, query: Query, *, may_interrupt: bool, key: str = "") -> int:
    """Make a dry run for all chargers that match; return its number. Raise `Refused`.

    A form that is sent twice, by its random key and what was typed, makes one.
    """
    typed = (key, catalog.to_json(command), json.dumps(query.parameters()), may_interrupt)
    ids = request.services.matching(query, request.now)
    try:
        return _bulks(request).draft(
            ids,
            command,
            request.actor,
            now=request.now,
            query=query,
            may_interrupt=may_interrupt,
            form=_digest(typed),
        )
    except Problem as problem:
        raise Refused(problem.sentence) from None


def again(request: Request, number: int, *, key: str = "") -> int:
    """Make a dry run for the chargers on which a command failed, or again; return its number. Raise `Refused`.

    A button that is pressed twice, by its page's random key, makes one.
    """
    try:
        return _bulks(request).draft_again(number, request.actor, request.now, form=_digest((key, number)))
    except Problem as problem:
        raise Refused(problem.sentence) from None


def _dry_run(request: Request, asked: DryRun) -> Done:
    try:
        values = json.loads(asked.arguments)
        command = catalog.asked(asked.kind, values if isinstance(values, dict) else {"": values}, request.now)
    except Invalid as problem:
        wrong = say("This is no %(kind)s command.", kind=asked.kind)
        raise Refused(together(wrong, problem.named)) from None
    except (ValueError, RecursionError):
        raise Refused(say("The command's arguments are not JSON.")) from None
    try:
        query = sites.known(fleet_query.typed(asked.filter).first_page)
    except Problem as problem:
        raise Refused(problem.sentence) from None
    if query.wrong:
        raise Refused(query.sentence)
    return _listed(dry_run(request, command, query, may_interrupt=asked.is_interrupting))


def _again(request: Request, asked: Again) -> Done:
    return _listed(again(request, asked.number))


def _digest(typed: tuple[object, ...]) -> str | None:
    """Return what names a form that was sent; None if it has no key."""
    return hashlib.sha256(repr(typed).encode()).hexdigest() if typed[0] else None


def _listed(number: int) -> Done:
    page = bulks.page(number, datetime.now(UTC), Fate.EXCLUDED, limit=MAX_NAMED)
    assert page is not None
    bulk = page.bulk
    counts = ", ".join(f"{bulk_fate(bulk, fate)}: {bulk.count(fate)}" for fate in bulk.fates)
    named = [together(row.identity, row.sentence, between=": ") for row in page.rows]
    more = ["…"] if page.next_id else []
    first = say("Dry run %(number)s. %(counts)s", number=number, counts=counts)
    lines = [first, *named, *more, bulk_obstacle(bulk), bulk_interrupts(bulk), *bulk_whose(bulk)]
    return Done(together(*lines, between="\n"))


def _named(number: str) -> str:
    """Name a bulk command by what it sends."""
    page = bulks.page(filters.number(number) or 0, datetime.now(UTC), limit=1)
    if page is None:
        raise Refused(say(BulkRefusal.NOT_FOUND.value))
    return page.bulk.words


def _start_warning(asked: Values) -> Warning | None:
    """Name the sessions that the command may interrupt, as its dry run has them."""
    page = bulks.page(filters.number(asked["number"]) or 0, datetime.now(UTC), limit=1)
    if page is None or not page.bulk.interrupted:
        return None
    return Warning(
        together(bulk_interrupts(page.bulk), say("Send it all the same?")),
        tuple(bulk_whose(page.bulk)),
    )


def _changed(change: BulkChange, done: str) -> Callable[[Request, Start | Pause | Resume | Cancel], Done]:
    def run(request: Request, asked: Start | Pause | Resume | Cancel) -> Done:
        after = _bulks(request).change(asked.number, change, request.actor, request.now)
        if isinstance(after, BulkRefusal):
            raise Refused(say(after.value))
        if isinstance(after, BulkAlready):
            raise AlreadySo(say(after.value))
        return Done(say(done, number=asked.number))

    return run


def _bulks(request: Request) -> BulkCommands:
    return BulkCommands(request.services.ingest, request.notifications)


VERBS = {
    "dry-run": Verb(DryRun, say("Make a dry run for many chargers"), _dry_run, words={"kind": parameters.title}),
    "start": Verb(
        Start,
        say("Send it to them"),
        _changed(BulkChange.START, N_("Bulk command %(number)s was started.")),
        warning=_start_warning,
        named=_named,
    ),
    "pause": Verb(Pause, say("Pause"), _changed(BulkChange.PAUSE, N_("Bulk command %(number)s is paused."))),
    "resume": Verb(Resume, say("Go on"), _changed(BulkChange.RESUME, N_("Bulk command %(number)s goes on."))),
    "cancel": Verb(Cancel, say("Cancel"), _changed(BulkChange.CANCEL, N_("Bulk command %(number)s was cancelled."))),
    "again": Verb(Again, say("Again for what failed"), _again),
}
