"""The audit log: rows are added to its chain, in the transaction of the change that they tell of, and verified."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import DatabaseError, chunked

from polaris.domain import audit_chain
from polaris.domain.audit_chain import ADDRESS, FIRST, Problem, Row
from polaris.models import AuditEntry, blocking, database, take_turns

COMMAND_LINE = "command line"  # the actor of a change made through `flask --app app`
# The network address of whoever asks for changes at present: the web sets it for the time of a request.
acting_from: ContextVar[str] = ContextVar("acting_from", default="")

# The parameters of filters that may name a person.
PERSONAL = frozenset(("actor", "card", "driver", "email", "target", "text"))
NOT_SIGNED_IN = "address "  # how the actor begins of a person who is known by a network address alone
LOCK = 0x706F6C61  # PostgreSQL's advisory lock of the chain's end: without it two writers could follow one row
# SQLite keeps any type in any column: what reading a row raises that somebody has changed.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, DatabaseError)
MAX_INSERTED = 100  # rows of a statement, which has a bounded number of parameters
MAX_READ = 1000  # rows at a time: the log is as long as the installation is old


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of a check of the whole log."""

    rows: int
    head: str  # the newest row's hash; "" if the log is empty
    problems: tuple[Problem, ...]
    has_kept_head: bool  # whether a head that was kept elsewhere is in the log


def filter_words(parameters: Mapping[str, str]) -> str:
    """Return a filter by its parameters, without what may name a person: the log is kept for good."""
    return ", ".join(f"by {name}" if name in PERSONAL else f"{name}={value}" for name, value in parameters.items())


def record(actor: str, action: str, target: str, now: datetime, detail: str = "") -> None:
    """Add a row to the end of the log, in the caller's transaction.

    Other writers of the log wait until that ends. So call it last: whatever the change locks has to be locked before.
    """
    record_all(actor, [(action, target, detail)], now)


def record_all(actor: str, changes: Iterable[tuple[str, str, str]], now: datetime) -> None:
    """Add a row for each action, target and detail, in a few statements: a file's lines have thousands."""
    address = acting_from.get()
    with database.atomic():
        previous_hash, values = _locked_head(), []
        for action, target, detail in changes:
            words = {"actor": actor, "target": target, "detail": detail} | ({ADDRESS: address} if address else {})
            values.append(_sealed(previous_hash, now, action, words))
            previous_hash = values[-1]["hash"]
        for part in chunked(values, MAX_INSERTED):
            AuditEntry.insert_many(part).execute()


def _sealed(previous_hash: str, now: datetime, action: str, words: dict[str, str]) -> dict[str, Any]:
    """Return the columns of the row that follows another in the chain."""
    salts = {field: secrets.token_hex(16) for field in words}
    seals = [audit_chain.seal(salts[field], words[field]) for field in words]
    return {
        "at": now,
        "action": action,
        **words,
        "salts": json.dumps(salts),
        "previous_hash": previous_hash,
        "hash": audit_chain.row_hash(previous_hash, now, action, seals),
    }


def rows(ids: Sequence[int]) -> list[Row]:
    """Return rows by their ids, in that order. The caller has a connection."""
    read = {row.id: row for row in _rows_where(AuditEntry.id.in_(ids))} if ids else {}
    return [read[id_] for id_ in ids if id_ in read]


@blocking
def verify(kept_head: str = "") -> Verified:
    """Check the whole log, as it is at one instant. `kept_head` is the hash of a row that has to be in it."""
    seen = _Seen(kept_head)
    problems = tuple(audit_chain.problems(seen.note(_rows())))
    return Verified(seen.rows, seen.head, problems, seen.has_kept_head)


class _Seen:
    """Counts rows as they pass, so that the log need not be in memory."""

    def __init__(self, kept_head: str) -> None:
        self._kept_head = kept_head
        self.rows, self.head, self.has_kept_head = 0, "", not kept_head

    def note(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.rows, self.head = self.rows + 1, row.hash
            self.has_kept_head = self.has_kept_head or row.hash == self._kept_head
            yield row


def _rows() -> Iterator[Row]:
    """Yield the rows in their order. Those that are added meanwhile come at the end, so no snapshot is needed."""
    entries: list[AuditEntry] = []
    while entries := _next_ids(entries):
        yield from _rows_where(AuditEntry.id.between(entries[0].id, entries[-1].id))


def _next_ids(before: list[AuditEntry]) -> list[AuditEntry]:
    ids = AuditEntry.select(AuditEntry.id).order_by(AuditEntry.id).limit(MAX_READ)
    return list(ids.where(AuditEntry.id > before[-1].id) if before else ids)


def _rows_where(condition: Any) -> list[Row]:
    """Return rows in their order, of which each is read alone if not all of them can be read."""
    try:
        return [entry.values() for entry in AuditEntry.select().where(condition).order_by(AuditEntry.id)]
    except UNREADABLE:
        ids = AuditEntry.select(AuditEntry.id).where(condition).order_by(AuditEntry.id)
        return [_row(entry.id) for entry in list(ids)]


def _row(id_: int) -> Row:
    """Return a row; one that nothing written by `record` can be is made of its hashes alone, which fit nothing."""
    try:
        row: Row = AuditEntry.get_by_id(id_).values()
    except UNREADABLE:
        return audit_chain.unreadable(id_)
    return row


def _locked_head() -> str:
    """Return the newest row's hash, and let no other row be added until the transaction ends."""
    take_turns(LOCK)
    newest = AuditEntry.select(AuditEntry.hash).order_by(AuditEntry.id.desc()).first()
    return FIRST if newest is None else newest.hash
