"""Acknowledging a matter, for a time or until it changes, and taking it up again.

Each is one transaction with its audit row. What changes is announced after it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from peewee import chunked

from polaris.administration import Refused
from polaris.attention.item import Item, Note, Search
from polaris.attention.kinds import BY_NAME, MAX_COUNTED
from polaris.attention.listing import find
from polaris.attention.storage import STORAGE
from polaris.audit import record
from polaris.domain.instants import minute_text
from polaris.domain.sentences import N_, say
from polaris.ingest.sanitize import fit
from polaris.models import Acknowledgement, blocking, database, locked
from polaris.pubsub import Publisher, records_changed

MAX_NOTE_LENGTH = 200  # without it, a pasted log could fill the list
MAX_ROWS = 1000  # without it, a script could fill the table
GONE_AFTER = timedelta(hours=1)  # a matter that comes and goes within it is still the same, and stays acknowledged
SEEN_INTERVAL = timedelta(minutes=10)  # without it, each check would write a row for each matter
MAX_IDS = 500  # in one statement

UNTIL_IT_CHANGES = "change"
UNTIL: Mapping[str, timedelta | None] = {
    UNTIL_IT_CHANGES: None,
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "1d": timedelta(days=1),
    "1w": timedelta(weeks=1),
}
UNTIL_TEXTS = {
    UNTIL_IT_CHANGES: N_("until it changes"),
    "1h": N_("for an hour"),
    "8h": N_("for 8 hours"),
    "1d": N_("for a day"),
    "1w": N_("for a week"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A matter that is acknowledged now, and by which note: this one, or one that was there already."""

    item: Item
    note: Note
    is_new: bool


class Changed(Refused):
    """The matter is not as it was when somebody decided about it."""


def acknowledge(
    publisher: Publisher,
    key: str,
    *,
    until: str = UNTIL_IT_CHANGES,
    note: str = "",
    mark: str | None = None,
    directories: tuple[str, ...] = (),
    actor: str,
    now: datetime,
) -> Outcome:
    """Acknowledge a matter. One that is acknowledged already stays as it is, whoever did it.

    `mark` is the item's as somebody saw it; if it is another one by now, raise `Changed`.
    """
    note = _checked(note, until)
    duration = UNTIL[until]
    until_at = None if duration is None else now + duration
    outcome = _acknowledge(key.replace("\0", ""), until_at, note, mark, directories, actor=actor, now=now)
    publisher.announce(records_changed())
    return outcome


def take_up(publisher: Publisher, key: str, *, actor: str, now: datetime) -> bool:
    """List a matter again that was acknowledged; return False if it was not."""
    was_acknowledged = _take_up(key.replace("\0", ""), actor, now)
    publisher.announce(records_changed())
    return was_acknowledged


@blocking
def prune(now: datetime) -> None:
    """Note which acknowledged matters are still there, and forget those that have been gone for a while.

    Those of storage are left to their age: each machine has disks of its own.
    """
    by_kind: defaultdict[str, list[Acknowledgement]] = defaultdict(list)
    for row in Acknowledgement.select():
        by_kind[row.key.partition(":")[0]].append(row)
    by_kind.pop(STORAGE, None)
    for name, rows in by_kind.items():
        search = Search(now, MAX_COUNTED + 1 + len(rows))
        present = {item.key for item in BY_NAME[name].find(search)} if name in BY_NAME else set()
        seen = [row.id for row in rows if row.key in present and row.seen_at < now - SEEN_INTERVAL]
        gone = [row.id for row in rows if _is_gone(row, present, now)]
        is_old = Acknowledgement.at < now - GONE_AFTER  # somebody may have acknowledged one of them in this moment
        with database.atomic():
            for some in chunked(seen, MAX_IDS):
                Acknowledgement.update(seen_at=now).where(Acknowledgement.id.in_(some)).execute()
            for some in chunked(gone, MAX_IDS):
                Acknowledgement.delete().where(Acknowledgement.id.in_(some), is_old).execute()


def _is_gone(row: Acknowledgement, present: set[str], now: datetime) -> bool:
    limit = now - GONE_AFTER
    return (row.until_at is not None and row.until_at < limit) or (row.key not in present and row.seen_at < limit)


def _checked(note: str, until: str) -> str:
    note = note.strip()
    if until not in UNTIL:
        raise Refused(say("%(until)s is none of %(join)s.", until=until, join=", ".join(UNTIL)))
    if len(note) > MAX_NOTE_LENGTH or not note.isprintable():
        raise Refused(
            say("A note has at most %(max_note_length)s characters on one line.", max_note_length=MAX_NOTE_LENGTH)
        )
    return note


@blocking
def _acknowledge(
    key: str,
    until_at: datetime | None,
    note: str,
    mark: str | None,
    directories: tuple[str, ...],
    *,
    actor: str,
    now: datetime,
) -> Outcome:
    item = find(key, now, directories)
    if item is None:
        raise Refused(say("That needs nobody any more, or never did."))
    if mark is not None and mark != item.mark:
        raise Changed(say("It has changed meanwhile. This is how it is now."))
    made = Note(actor, now, until_at, note, item.level, item.state)
    with database.atomic():
        row = _locked_row(key)
        if row is not None and _note(row).stands(item, now):
            return Outcome(item, _note(row), is_new=False)
        if row is None and Acknowledgement.select().count() >= MAX_ROWS:
            raise Refused(say("%(max_rows)s matters are acknowledged. Take some of them up first.", max_rows=MAX_ROWS))
        values = {
            "level": made.level,
            "state": made.state,
            "actor": actor,
            "note": note,
            "at": now,
            "until_at": until_at,
            "seen_at": now,
        }
        if row is not None:
            Acknowledgement.update(values).where(Acknowledgement.id == row.id).execute()
        elif not Acknowledgement.insert(key=key, **values).on_conflict_ignore().as_rowcount().execute():
            return Outcome(item, _note(_locked_row(key)), is_new=False)
        # The number of an unknown card is gone once somebody has it: its charger says which one it was.
        about = "" if item.is_of_charger else f"{item.kind} {item.state} at {item.identity}, "
        record(actor, "attention.acknowledged", fit(key), now, f"{about}{_until(until_at)}{_said(note)}")
    return Outcome(item, made, is_new=True)


@blocking
def _take_up(key: str, actor: str, now: datetime) -> bool:
    with database.atomic():
        row = _locked_row(key)
        if row is None:
            return False
        Acknowledgement.delete().where(Acknowledgement.id == row.id).execute()
        was = f"acknowledged by {row.actor} {_until(row.until_at)}{_said(row.note)}"
        record(actor, "attention.taken_up", fit(key), now, was)
        return True


def _until(until_at: datetime | None) -> str:
    return "until it changes" if until_at is None else f"until {minute_text(until_at)}"


def _said(note: str) -> str:
    return f": {note}" if note else ""


def _locked_row(key: str) -> Acknowledgement | None:
    row: Acknowledgement | None = locked(Acknowledgement.select().where(Acknowledgement.key == key)).first()
    return row


def _note(row: Acknowledgement | None) -> Note:
    assert row is not None
    return Note(row.actor, row.at, row.until_at, row.note, row.level, row.state)
