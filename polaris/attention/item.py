"""A matter that needs a person: what it is, since when, the evidence for it, and what can be done about it. Pure.

Each front writes the instants of its sentences in its own way.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from polaris.domain.sentences import Sentence


class Action(NamedTuple):
    """A form that may settle the matter, or a page that explains it, and the command's words.

    `path` are the parts of the page's path, `fields` what is filled in.
    """

    text: str
    path: tuple[str, ...]
    fields: Mapping[str, str | int]
    words: tuple[str | int, ...]
    is_form: bool = True  # which leads back when it is sent

    @property
    def command(self) -> str:
        """The command that does the same."""
        return shlex.join(["flask", "--app", "app", *map(str, self.words)])


def verb(text: str, group: str, name: str, /, *words: str | int, **fields: str | int) -> Action:
    """Return the action of a verb. `words` follow its name on the command line, `fields` are filled in on its page."""
    return Action(text, ("actions", group, name), fields, (group, name, *words))


def ask(text: str, identity: str, kind: str, *words: str | int, **fields: str | int) -> Action:
    """Return the action of a command to a charger. `words` follow the charger on the command line."""
    return Action(text, ("fleet", identity, "commands", kind), fields, ("charger", kind, identity, *words))


def look(text: str, identity: str, page: str, *words: str) -> Action:
    """Return the action that opens a page of a charger. `words` are the command that shows the same."""
    return Action(text, ("fleet", identity, page), {}, words, is_form=False)


@dataclass(frozen=True, slots=True)
class Item:
    """A matter. Its key stays the same for as long as it is there; `state` and `level` say how bad it is.

    It is the same matter on another charger, connector or session only if these are in its target.
    """

    kind: str
    target: str
    sentences: tuple[Sentence, ...]
    since: datetime | None = None  # None if that is not stored
    level: int = 1
    state: str = ""
    actions: tuple[Action, ...] = ()
    name: str = ""  # of the charger or the thing that it is about
    identity: str = ""  # of the charger whose page shows more
    is_of_charger: bool = True  # whether it is about that charger itself
    connector: int | None = None
    session: int | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.target}"

    @property
    def mark(self) -> str:
        """How bad it is, in a text: another one means that it has changed."""
        return f"{self.level} {self.state}"


@dataclass(frozen=True, slots=True)
class Note:
    """An acknowledgement of a matter: by whom, and the matter as it was then."""

    actor: str
    at: datetime
    until_at: datetime | None  # None: until it changes
    text: str
    level: int
    state: str

    def stands(self, item: Item, now: datetime) -> bool:
        """Whether it still holds of the matter: its time is not over, and the matter is no worse and no other."""
        is_over = self.until_at is not None and self.until_at <= now
        return not is_over and item.level <= self.level and item.state == self.state


class Search(NamedTuple):
    """The terms of a search, the same for all kinds: at most `limit` matters of one, the newest, as they are `now`."""

    now: datetime
    limit: int
    directories: tuple[str, ...] = ()  # of which the disks are watched


def times_level(times: int) -> int:
    """Return the level of something that has happened so many times: ten times as many are worse."""
    return len(str(times))
