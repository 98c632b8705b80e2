"""The audit log: rows are added to its chain, in the transaction of the change that they tell of, and verified."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from polaris.domain import audit_chain
from polaris.domain.audit_chain import FIRST, WORDS, Problem, Row
from polaris.models import AuditEntry, blocking, database

LOCK = 0x706F6C61  # PostgreSQL's advisory lock of the chain's end: without it two writers could follow one row
MAX_READ = 1000  # rows at a time: the log is as long as the installation is old


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of a check of the whole log."""

    rows: int
    head: str  # the newest row's hash; "" if the log is empty
    problems: tuple[Problem, ...]
    has_kept_head: bool  # whether a head that was kept elsewhere is in the log


def record(actor: str, action: str, target: str, now: datetime, detail: str = "") -> None:
    """Add a row to the end of the log, in the caller's transaction.

    Other writers of the log wait until that ends. So call it last: whatever the change locks has to be locked before.
    """
    words = {"actor": actor, "target": target, "detail": detail}
    salts = {field: secrets.token_hex(16) for field in WORDS}
    with database.atomic():
        previous_hash = _locked_head()
        seals = [audit_chain.seal(salts[field], words[field]) for field in WORDS]
        AuditEntry.create(
            at=now,
            action=action,
            **words,
            salts=json.dumps(salts),
            previous_hash=previous_hash,
            hash=audit_chain.row_hash(previous_hash, now, action, seals),
        )


@blocking
def latest(limit: int) -> list[Row]:
    """Return the newest rows, the newest first."""
    return [entry.values() for entry in AuditEntry.select().order_by(AuditEntry.id.desc()).limit(limit)]


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
    after = 0
    while entries := list(AuditEntry.select().where(AuditEntry.id > after).order_by(AuditEntry.id).limit(MAX_READ)):
        yield from (entry.values() for entry in entries)
        after = entries[-1].id


def _locked_head() -> str:
    """Return the newest row's hash, and let no other row be added until the transaction ends."""
    if database.obj.for_update:  # SQLite's transactions write one at a time
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    newest = AuditEntry.select(AuditEntry.hash).order_by(AuditEntry.id.desc()).first()
    return FIRST if newest is None else newest.hash
