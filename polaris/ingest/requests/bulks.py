"""Commands to many chargers as rows. Each function runs in the caller's transaction.

A turn belongs to who moves the row's `next_at`, so that of several processes one sends. What is sent has a key of the
bulk and its charger, so that a turn which was interrupted, and is repeated, sends nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from peewee import SQL, fn

from polaris.audit import record
from polaris.domain import bulk
from polaris.domain.bulk import BulkChange, BulkState, ItemState
from polaris.domain.commands.catalog import ChargerCommand
from polaris.domain.enums import ChargerStatus
from polaris.domain.sentences import N_
from polaris.ingest import bulk_plan
from polaris.ingest.bulk_plan import Planned
from polaris.ingest.requests import Interrupts
from polaris.ingest.requests.command_refusals import CommandRefusal
from polaris.ingest.sanitize import fit
from polaris.models import Bulk, BulkCommand, BulkItem, Charger, Command, locked, to_microseconds

_RUNNING = SQL("state = 'running'")  # literals, so that SQLite uses the partial indexes
_ADD_ITEMS = Bulk.insert(BulkItem)
_OPEN = ("drafted", "requested", "sent", "promised")


class BulkRefusal(StrEnum):
    """Why a bulk is not changed, or its state in which it cannot be; the value is a sentence."""

    NOT_FOUND = N_("There is no such bulk command.")
    INCOMPLETE = N_("The dry run was interrupted before its list was complete. Make it again.")
    DRAFT = N_("It is a dry run, of which nothing was sent: send it to them, or leave it.")
    EXPIRED = N_("This dry run is too old: make a new one.")
    PAUSED = N_("It is paused: go on with it.")
    CANCELLED = N_("It was cancelled for good: make a new dry run.")
    DONE = N_("It is done: nothing is left to send.")
    ALL_SENT = N_("It was sent to all of them: nothing is left to send.")


class BulkAlready(StrEnum):
    """A state that was asked for and that a bulk has already; the value is a sentence."""

    RUNNING = N_("It is being sent already.")
    PAUSED = N_("It is paused already.")
    CANCELLED = N_("It was cancelled already.")
    DONE = N_("It is done already.")


@dataclass(frozen=True, slots=True)
class Due:
    """A command whose turn it is."""

    item_id: int
    identity: str
    command: ChargerCommand
    actor: str
    key: str
    agreed: frozenset[int]


def add_items(bulk_id: int, planned: Iterable[Planned], now: datetime) -> None:
    rows = [
        {
            "bulk_id": bulk_id,
            "charger_id": each.charger_id,
            "state": ItemState.EXCLUDED if each.reason else ItemState.WAITING,
            "reason": each.reason,
            "command_id": None,
            "agreed_sessions": json.dumps(sorted(each.sessions)),
            "requested_at": now,
        }
        for each in planned
    ]
    _ADD_ITEMS.execute(rows)


def change(bulk_id: int, asked: BulkChange, actor: str, now: datetime) -> BulkState | BulkAlready | BulkRefusal:
    """Start, pause, resume or cancel a bulk; return its state, or why nothing was changed."""
    row = locked(BulkCommand.select().where(BulkCommand.id == bulk_id)).first()
    if row is None:
        return BulkRefusal.NOT_FOUND
    state = bulk.effective(BulkState(row.state), row.requested_at, now)
    after = bulk.changed(state, asked)
    if after is None:
        return (BulkAlready if (state, asked) in bulk.SO_ALREADY else BulkRefusal)[state.name]
    if asked is BulkChange.START and BulkItem.select().where(BulkItem.bulk == row).count() != row.total:
        return BulkRefusal.INCOMPLETE
    if asked in (BulkChange.PAUSE, BulkChange.CANCEL) and not _has_waiting(bulk_id):
        return BulkRefusal.ALL_SENT
    BulkCommand.update(state=after, next_at=now).where(BulkCommand.id == bulk_id).execute()
    audit(row, actor, asked, now)
    return after


def audit(row: BulkCommand, actor: str, done: str, now: datetime, of_filter: str = "") -> None:
    words = filter(None, (f"{row.kind} {row.arguments}, {row.total} chargers", of_filter))
    record(actor, f"bulk.{done}", f"bulk {row.id}", now, ", ".join(words))


def take_turn(now: datetime) -> tuple[list[Due], bool]:
    """Return what to send now, and whether the bulk is done, with which the turn goes to the next one.

    It is the turn of the oldest running bulk, if nobody else has it, and of no busy charger.
    """
    row = BulkCommand.select().where(_RUNNING).order_by(BulkCommand.id).first()
    if row is None:
        return [], False
    is_mine = (BulkCommand.id == row.id) & (BulkCommand.state == BulkState.RUNNING) & (BulkCommand.next_at <= now)
    if not BulkCommand.update(next_at=now + bulk.TURN).where(is_mine).execute():
        return [], False
    waiting = BulkItem.select(BulkItem, Charger).join(Charger).where(BulkItem.bulk == row, _is(ItemState.WAITING))
    in_flight = _in_flight(row.id)
    if in_flight == 0 and not _has_waiting(row.id):
        BulkCommand.update(state=BulkState.DONE).where(BulkCommand.id == row.id).execute()
        return [], True
    free = min(bulk.MAX_PER_TURN, bulk.MAX_IN_FLIGHT - in_flight)
    items = waiting.where(~_is_busy()).order_by(BulkItem.id).limit(max(0, free))
    return [_due(row, item) for item in items if not _is_out_of_service(item)], False


def settle(due: Due, made: int | CommandRefusal | Interrupts) -> None:
    """Record what became of an item's turn. One whose charger has too many commands waits for another turn."""
    is_waiting = (BulkItem.id == due.item_id) & _is(ItemState.WAITING)
    values: dict[str, object]
    match made:
        case Interrupts():
            unseen = [session for session in made.sessions if session.number not in due.agreed]
            values = {"state": ItemState.EXCLUDED, "reason": bulk_plan.begun_since(unseen)}
        case CommandRefusal.TOO_MANY:
            return
        case CommandRefusal():
            values = {"state": ItemState.EXCLUDED, "reason": made.value}
        case _:
            values = {"state": ItemState.REQUESTED, "command_id": made}
    BulkItem.update(**values).where(is_waiting).execute()


def chargers_to_repeat(row: BulkCommand) -> list[int]:
    """Return the chargers whose commands failed; of a dry run, all of them."""
    query = BulkItem.select(BulkItem.charger).where(BulkItem.bulk == row).order_by(BulkItem.id)
    if row.state != BulkState.DRAFT:
        has_failed = Command.state.in_(bulk.FAILED)
        query = query.join(Command, on=BulkItem.command_id == Command.id).where(has_failed)
    return [item.charger_id for item in query]


def _is_busy() -> Any:
    """Return the condition that an item's charger has an open command, whoever asked for it."""
    open_ones = Command.select(SQL("1")).where(Command.charger == BulkItem.charger, Command.state.in_(_OPEN))
    return fn.EXISTS(open_ones)


def _has_waiting(bulk_id: int) -> bool:
    return bool(BulkItem.select().where(BulkItem.bulk == bulk_id, _is(ItemState.WAITING)).exists())


def _in_flight(bulk_id: int) -> int:
    """Count the commands of a bulk without an outcome: there are few open commands, and they have an index."""
    is_open = Command.state.in_(_OPEN)
    query = Command.select().join(BulkItem, on=BulkItem.command_id == Command.id)
    return int(query.where(BulkItem.bulk == bulk_id, is_open).count())


def _is(state: ItemState) -> Any:
    return BulkItem.state == state


def _is_out_of_service(item: BulkItem) -> bool:
    """Exclude a charger that was blocked or retired since the dry run; return whether it was."""
    status = item.charger.status
    if status == ChargerStatus.ACTIVE:
        return False
    BulkItem.update(state=ItemState.EXCLUDED, reason=bulk_plan.out_of_service(status)).where(
        BulkItem.id == item.id
    ).execute()
    return True


def key(row: BulkCommand) -> str:
    """Return the key of a bulk's commands. A number alone could be another bulk's, after years."""
    return f"bulk {row.id} of {to_microseconds(row.requested_at)}"


def _due(row: BulkCommand, item: BulkItem) -> Due:
    agreed = frozenset(json.loads(item.agreed_sessions))
    return Due(item.id, item.charger.identity, row.command, fit(row.requested_by), key(row), agreed)
