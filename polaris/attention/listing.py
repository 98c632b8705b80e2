"""The list of what needs a person, as it is now: what is open by kind, and what somebody has acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from polaris.attention.item import Item, Note, Search
from polaris.attention.kinds import BY_NAME, KINDS, MAX_COUNTED, MAX_SHOWN, Kind
from polaris.models import Acknowledgement, blocking

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Section:
    """The open matters of a kind, the newest first, and how many there are beside those."""

    kind: Kind
    items: tuple[Item, ...]
    more: int
    is_counted: bool  # whether `more` is all of them

    @property
    def count(self) -> int:
        return len(self.items) + self.more


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A matter that somebody has acknowledged, and their note."""

    item: Item
    note: Note


@dataclass(frozen=True)
class Attention:
    """The whole list."""

    sections: tuple[Section, ...]  # of every kind
    acknowledged: tuple[Acknowledged, ...]  # the latest first

    @cached_property
    def count(self) -> int:
        return sum(section.count for section in self.sections)

    @cached_property
    def is_counted(self) -> bool:
        """Whether the count is exact; else there are more."""
        return all(section.is_counted for section in self.sections)

    @property
    def comes_back_at(self) -> datetime | None:
        """When the first acknowledged matter comes back by itself."""
        return min((known.note.until_at for known in self.acknowledged if known.note.until_at), default=None)


@blocking
def read(now: datetime, directories: tuple[str, ...]) -> Attention:
    """Read the list."""
    return listed(now, directories)


def listed(now: datetime, directories: tuple[str, ...]) -> Attention:
    """Read the list. The caller has a connection."""
    notes = notes_by_key()
    sections, acknowledged = [], []
    for kind in KINDS:
        limit = MAX_COUNTED + 1 + sum(key.startswith(f"{kind.name}:") for key in notes)
        items = kind.find(Search(now, limit, directories))
        known = [Acknowledged(item, notes[item.key]) for item in items if _stands(notes.get(item.key), item, now)]
        acknowledged += known
        sections.append(_section(kind, items, {each.item.key for each in known}))
    acknowledged.sort(key=lambda each: each.note.at, reverse=True)
    return Attention(tuple(sections), tuple(acknowledged))


def notes_by_key() -> dict[str, Note]:
    """Return what has been acknowledged, by key; whether it still holds depends on the matter."""
    return {
        row.key: Note(row.actor, row.at, row.until_at, row.note, row.level, row.state)
        for row in Acknowledgement.select()
    }


@blocking
def get(key: str, now: datetime, directories: tuple[str, ...]) -> Item | None:
    """Return the matter of a key; None if there is none (any more)."""
    return find(key, now, directories)


def find(key: str, now: datetime, directories: tuple[str, ...]) -> Item | None:
    """Return the matter of a key; None if there is none (any more). The caller has a connection."""
    kind = BY_NAME.get(key.partition(":")[0])
    if kind is None:
        return None
    search = Search(now, MAX_COUNTED + 1 + Acknowledgement.select().count(), directories)
    return next((item for item in kind.find(search) if item.key == key), None)


def _stands(note: Note | None, item: Item, now: datetime) -> bool:
    return note is not None and note.stands(item, now)


def _section(kind: Kind, items: list[Item], acknowledged: set[str]) -> Section:
    """Keep what is shown of a kind. A search for one more than is counted says whether there is more."""
    items = [item for item in items if item.key not in acknowledged]
    items.sort(key=lambda item: item.since or _LONG_AGO, reverse=True)
    counted = min(len(items), MAX_COUNTED)
    return Section(kind, tuple(items[:MAX_SHOWN]), max(0, counted - MAX_SHOWN), len(items) <= MAX_COUNTED)
