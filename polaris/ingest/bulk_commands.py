"""One command for many chargers: its dry run, what people do with it, and its turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from peewee import IntegrityError, chunked

from polaris import pubsub
from polaris.audit import filter_words
from polaris.domain import bulk
from polaris.domain.bulk import DRAFT_LIFETIME, BulkChange, BulkState
from polaris.domain.commands import catalog
from polaris.domain.commands.catalog import ChargerCommand, checked
from polaris.domain.fleet_query import Query
from polaris.domain.sentences import N_, Problem, say
from polaris.ingest import Ingest
from polaris.ingest.bulk_plan import Planned, plan
from polaris.ingest.requests import Interrupts, RequestTerms, bulks
from polaris.ingest.requests.bulks import BulkAlready, BulkRefusal, Due
from polaris.ingest.requests.command_refusals import CommandRefusal
from polaris.models import BulkCommand, BulkItem, blocking, database
from polaris.pubsub import Announcer

ITEMS_PER_TRANSACTION = 200  # without it, storing a long list would hold up the readings that arrive meanwhile


class BulkCommands:
    """The commands to many chargers. One instance for each process that sends or starts any."""

    def __init__(self, ingest: Ingest, publisher: Announcer) -> None:
        self._ingest, self._publisher = ingest, publisher

    def draft(
        self,
        charger_ids: Sequence[int],
        command: ChargerCommand,
        actor: str,
        *,
        now: datetime,
        query: Query | None = None,
        may_interrupt: bool = False,
        again: int | None = None,
        form: str | None = None,
    ) -> int:
        """Store a dry run for these chargers, and return its number. Raise `Problem` if it cannot.

        Nothing is sent. What is started later is this list. The same form makes one list, however often it is sent.
        """
        earlier = _of_form(form)
        if earlier is not None:
            return earlier
        if problem := bulk.problem(checked(command)):
            raise Problem(problem)
        planned = plan(charger_ids, command, now, may_interrupt=may_interrupt)
        if not planned:
            raise Problem(say("No charger matches."))
        if len(planned) > bulk.MAX_ITEMS:
            text = N_("%(count)s chargers match; one bulk command has at most %(limit)s.")
            raise Problem(say(text, count=len(planned), limit=bulk.MAX_ITEMS))
        row = BulkCommand(
            kind=catalog.kind(command),
            arguments=catalog.to_json(command),
            fleet_filter="" if query is None else json.dumps(query.first_page.parameters(), ensure_ascii=False),
            state=BulkState.DRAFT,
            total=len(planned),
            requested_by=actor,
            requested_at=now,
            next_at=now,
            form=form,
        )
        of_filter = "" if query is None else filter_words(query.first_page.parameters())
        of_bulk = "" if again is None else f"again of bulk {again}"
        number = _stored(row, planned, ", ".join(filter(None, (of_filter, of_bulk))))
        self._publisher.announce(pubsub.records_changed())
        return number

    def draft_again(self, bulk_id: int, actor: str, now: datetime, form: str | None = None) -> int:
        """Store a dry run for the chargers on which a bulk failed, and return its number. Raise `Problem`.

        A bulk that is a dry run itself is made again for all of its list.
        """
        ids, command, query = _to_repeat(bulk_id)
        if not ids:
            raise Problem(say("Nothing of it has failed."))
        return self.draft(ids, command, actor, now=now, query=query, again=bulk_id, form=form)

    def change(
        self, bulk_id: int, asked: BulkChange, actor: str, now: datetime
    ) -> BulkState | BulkAlready | BulkRefusal:
        """Start, pause, resume or cancel a bulk; return its state, or why nothing was changed."""
        after = _changed(bulk_id, asked, actor, now)
        self._publisher.announce(pubsub.records_changed())
        return after

    def send_turn(self, now: datetime) -> int:
        """Send what is due, and return how many commands that was. Any number of processes may do so."""
        turn, is_done = _turn(now)
        for due in turn:
            terms = RequestTerms(due.key, agreed=due.agreed)
            _settle(due, self._ingest.request_command(due.identity, due.command, due.actor, now, terms))
        if turn or is_done:
            self._publisher.announce(pubsub.records_changed())
        return len(turn)


@blocking
def _of_form(form: str | None) -> int | None:
    """Return the dry run that a form has made already."""
    row = None if form is None else BulkCommand.get_or_none(BulkCommand.form == form)
    return None if row is None else int(row.id)


@blocking
def _stored(row: BulkCommand, planned: list[Planned], of_filter: str) -> int:
    _expire_drafts(row.requested_at - DRAFT_LIFETIME)
    try:
        with database.atomic():
            row.save(force_insert=True)
            bulks.audit(row, row.requested_by, "dry_run", row.requested_at, of_filter)
    except IntegrityError:  # its form was sent twice at once
        earlier = _of_form(row.form)
        assert earlier is not None
        return earlier
    for some in chunked(planned, ITEMS_PER_TRANSACTION):
        with database.atomic():
            bulks.add_items(row.id, some, row.requested_at)
    return int(row.id)


def _expire_drafts(until: datetime) -> None:
    is_old = (BulkCommand.state == BulkState.DRAFT) & (BulkCommand.requested_at < until)
    for draft in BulkCommand.select(BulkCommand.id).where(is_old):
        # The row stays: its number must not be another list's by the time that somebody presses "Start".
        is_draft = (BulkCommand.id == draft.id) & (BulkCommand.state == BulkState.DRAFT)
        if not BulkCommand.update(state=BulkState.EXPIRED).where(is_draft).execute():
            continue  # it was started in this moment
        some = BulkItem.select(BulkItem.id).where(BulkItem.bulk == draft).limit(ITEMS_PER_TRANSACTION)
        while BulkItem.delete().where(BulkItem.id.in_(some)).execute():
            pass


@blocking
def _to_repeat(bulk_id: int) -> tuple[list[int], ChargerCommand, Query | None]:
    """Return the chargers, the command, and of a dry run the filter that found them."""
    row = BulkCommand.get_or_none(BulkCommand.id == bulk_id)
    if row is None:
        raise Problem(say(BulkRefusal.NOT_FOUND.value))
    if row.state == BulkState.EXPIRED:  # its list is gone
        raise Problem(say(BulkRefusal.EXPIRED.value))
    is_draft = row.state == BulkState.DRAFT
    query = Query.of(json.loads(row.fleet_filter)) if is_draft and row.fleet_filter else None
    return bulks.chargers_to_repeat(row), row.command, query


@blocking
def _changed(bulk_id: int, asked: BulkChange, actor: str, now: datetime) -> BulkState | BulkAlready | BulkRefusal:
    with database.atomic():
        return bulks.change(bulk_id, asked, actor, now)


@blocking
def _turn(now: datetime) -> tuple[list[Due], bool]:
    with database.atomic():
        return bulks.take_turn(now)


@blocking
def _settle(due: Due, made: int | CommandRefusal | Interrupts) -> None:
    with database.atomic():
        bulks.settle(due, made)
