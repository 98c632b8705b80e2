"""Commands to many chargers as operators read them: how far one is, and what became of each of its chargers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from peewee import JOIN, SQL, Case, fn

from polaris.domain import bulk
from polaris.domain.bulk import BulkState, ItemState
from polaris.domain.commands import outcome_text, parameters
from polaris.domain.commands.interruptions import InterruptedSession
from polaris.domain.enums import CommandState
from polaris.domain.fleet_query import Query
from polaris.domain.sentences import Sentence, say, together
from polaris.models import Account, BulkCommand, BulkItem, Charger, ChargingSession, Command, blocking

PAGE_ROWS = 50
MAX_LISTED = 20
MAX_INTERRUPTED = 20  # sessions that are named
FORGOTTEN = say("Its command is no longer kept.")
_OPEN = ("drafted", "requested", "sent", "promised")


class Fate(StrEnum):
    """The fate of a charger of a bulk."""

    WAITING = "waiting"
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class BulkView:
    """A bulk as of now, with the number of its chargers by fate."""

    id: int
    kind: str
    arguments: str  # JSON
    query: Query | None  # None if it repeats what failed of another
    state: BulkState
    total: int
    requested_by: str
    requested_at: datetime
    counts: Mapping[Fate, int]
    waits_for: int | None = None  # the running bulk whose turn it is
    interrupted: int = 0  # sessions that a dry run may interrupt once it is started
    whose: tuple[str, ...] = ()  # the first of them, with their chargers and drivers

    @property
    def title(self) -> Sentence:
        return parameters.title(self.kind)

    @property
    def words(self) -> Sentence:
        """The command with its arguments in one line."""
        return together(self.title, *parameters.in_words(self.kind, json.loads(self.arguments)), between=", ")

    @property
    def expires_at(self) -> datetime | None:
        """Until when it can be started; None if it is no dry run any more."""
        return bulk.expires_at(self.state, self.requested_at)

    def count(self, fate: Fate) -> int:
        return self.counts.get(fate, 0)

    @property
    def fates(self) -> tuple[Fate, ...]:
        """The fates that its chargers have; a list begins with those that wait, even if none does."""
        return tuple(fate for fate in Fate if self.count(fate) or fate is Fate.WAITING)


@dataclass(frozen=True, slots=True)
class BulkRow:
    """A charger of a bulk. `sentence` says what became of it, or why it is left out."""

    id: int
    identity: str
    name: str
    fate: Fate
    sentence: str
    command_id: int | None


@dataclass(frozen=True, slots=True)
class BulkPage:
    """A bulk with some of its chargers. `next_id` is after which more of them come."""

    bulk: BulkView
    fate: Fate | None
    after: int
    rows: tuple[BulkRow, ...]
    next_id: int | None


@blocking
def page(
    bulk_id: int, now: datetime, fate: Fate | None = None, after: int = 0, limit: int = PAGE_ROWS
) -> BulkPage | None:
    """Read a bulk and the next of its chargers, or of those with a fate."""
    row = BulkCommand.get_or_none(BulkCommand.id == bulk_id)
    if row is None:
        return None
    query = _items(bulk_id).where(BulkItem.id > after)
    if fate is not None:
        query = query.where(fate == _FATE)
    found = list(query.order_by(BulkItem.id).limit(limit + 1).objects())
    rows = tuple(map(_row, found[:limit]))
    return BulkPage(_view(row, now), fate, after, rows, rows[-1].id if len(found) > limit else None)


@blocking
def newest(now: datetime) -> tuple[BulkView, ...]:
    """Return the newest bulks, and dry runs that can be started: their chargers that are left out are counted."""
    is_new = (BulkCommand.state != BulkState.DRAFT) | (BulkCommand.requested_at > now - bulk.DRAFT_LIFETIME)
    query = BulkCommand.select().where(BulkCommand.state != BulkState.EXPIRED, is_new)
    rows = list(query.order_by(BulkCommand.id.desc()).limit(MAX_LISTED))
    left_out = _left_out([row.id for row in rows])
    return tuple(_view(row, now, {Fate.EXCLUDED: left_out.get(row.id, 0)}) for row in rows)


_FATE = Case(
    None,
    (
        (BulkItem.state == ItemState.WAITING, Fate.WAITING),
        (BulkItem.state == ItemState.EXCLUDED, Fate.EXCLUDED),
        (Command.state.in_(_OPEN), Fate.OPEN),
        (Command.state.in_(bulk.FAILED), Fate.FAILED),
    ),
    Fate.DONE,
)


def _items(bulk_id: int) -> Any:
    columns = (
        BulkItem.id,
        BulkItem.reason,
        BulkItem.command_id,
        Charger.identity,
        Charger.name,
        Command.state.alias("command_state"),
        Command.status,
        Command.sent_at,
        _FATE.alias("fate"),
    )
    joined = BulkItem.select(*columns).join_from(BulkItem, Charger)
    return joined.join_from(BulkItem, Command, JOIN.LEFT_OUTER, on=BulkItem.command_id == Command.id).where(
        BulkItem.bulk == bulk_id
    )


def _row(row: Any) -> BulkRow:
    return BulkRow(row.id, row.identity, row.name, Fate(row.fate), say(row.reason) or _sentence(row), row.command_id)


def _sentence(row: Any) -> str:
    if row.command_id is None:
        return ""
    if row.command_state is None:
        return FORGOTTEN
    return outcome_text.sentence(CommandState(row.command_state), row.status, is_sent=row.sent_at is not None)


def _view(row: BulkCommand, now: datetime, counts: Mapping[Fate, int] | None = None) -> BulkView:
    state = bulk.effective(BulkState(row.state), row.requested_at, now)
    is_named = state is BulkState.DRAFT and counts is None  # a list, which has counts, names nobody
    numbers = _interrupted(row) if is_named else []
    query = Query.of(json.loads(row.fleet_filter)) if row.fleet_filter else None
    return BulkView(
        row.id,
        row.kind,
        row.arguments,
        query,
        state,
        row.total,
        row.requested_by,
        row.requested_at,
        _counts(row.id) if counts is None else counts,
        _waits_for(row),
        len(numbers),
        _whose(numbers[:MAX_INTERRUPTED]),
    )


def _interrupted(row: BulkCommand) -> list[int]:
    """Return the sessions that a dry run may interrupt, as they were when it was made: others it does not."""
    query = BulkItem.select(BulkItem.agreed_sessions).where(BulkItem.bulk == row, BulkItem.agreed_sessions != "[]")
    return [number for item in query.order_by(BulkItem.id) for number in json.loads(item.agreed_sessions)]


def _whose(numbers: Sequence[int]) -> tuple[str, ...]:
    query = ChargingSession.select(ChargingSession, Charger, Account).join_from(ChargingSession, Charger)
    query = query.join_from(ChargingSession, Account, JOIN.LEFT_OUTER).where(ChargingSession.number.in_(numbers))
    found = {each.number: together(each.charger.name, _named(each).whose, between=", ") for each in query}
    return tuple(found[number] for number in numbers if number in found)


def _named(row: ChargingSession) -> InterruptedSession:
    return InterruptedSession(row.number, row.connector, row.account.email if row.account else "", row.effective_wh)


def _waits_for(row: BulkCommand) -> int | None:
    """Return the older bulk that is sent first."""
    if row.state != BulkState.RUNNING:
        return None
    older = BulkCommand.select(BulkCommand.id).where(BulkCommand.state == BulkState.RUNNING, BulkCommand.id < row.id)
    first = older.order_by(BulkCommand.id).first()
    return None if first is None else int(first.id)


def _left_out(bulk_ids: list[int]) -> dict[int, int]:
    is_out = BulkItem.bulk.in_(bulk_ids) & (BulkItem.state == ItemState.EXCLUDED)
    query: Any = BulkItem.select(BulkItem.bulk_id, fn.COUNT(BulkItem.id)).where(is_out).group_by(BulkItem.bulk_id)
    return dict(query.tuples())


def _counts(bulk_id: int) -> dict[Fate, int]:
    joined = BulkItem.select(_FATE.alias("fate"), fn.COUNT(BulkItem.id)).join(
        Command, JOIN.LEFT_OUTER, on=BulkItem.command_id == Command.id
    )
    rows: Any = joined.where(BulkItem.bulk == bulk_id).group_by(SQL("fate")).tuples()
    return {Fate(fate): count for fate, count in rows}
