"""Walls: screens that show the fleet, and can do nothing else, for as long as an operator allows.

A link opens one screen, once: its token is exchanged for another one, which that screen's cookie holds. Only hashes are
stored. A wall is no account and no sign-in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from polaris import link_tokens
from polaris.administration.audit import NAMES, Refused, checked_name, record
from polaris.domain.instants import minute_text
from polaris.domain.sentences import say
from polaris.models import Wall, blocking, database, locked, take_turns
from polaris.pubsub import Announcer, walls_changed

MAX_WALLS = 20  # each has a stream, which all processes have to serve
MAX_DAYS = 3660
MAX_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class WallView:
    """A wall as operators see it."""

    name: str
    created_at: datetime
    opened_at: datetime | None
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class OpenWall:
    """A screen's wall, by the hash of the token in its cookie."""

    token_hash: str
    ends_at: datetime

    @property
    def mark(self) -> str:
        """Return what names the screen to its own page, as `User.mark` names a signed-in device."""
        return link_tokens.mark(self.token_hash)


@blocking
def add_wall(name: str, days: int, *, actor: str, now: datetime) -> str:
    """Add a wall; return the token of its link. Raise `Refused` if it cannot be."""
    name = checked_name(name, MAX_NAME_LENGTH)
    if not 1 <= days <= MAX_DAYS:
        raise Refused(say("A wall is open for 1 to %(max_days)s days.", max_days=MAX_DAYS))
    token, ends_at = link_tokens.new(), now + timedelta(days=days)
    with database.atomic():
        take_turns(NAMES)
        Wall.delete().where(Wall.ends_at <= now).execute()
        if Wall.select().where(Wall.name == name).exists():
            raise Refused(say("There is a wall %(name)s already. Remove it first, or choose another name.", name=name))
        if Wall.select().count() >= MAX_WALLS:
            raise Refused(say("There are %(max_walls)s walls already. Remove one first.", max_walls=MAX_WALLS))
        Wall.create(name=name, token_hash=link_tokens.hashed(token), created_at=now, ends_at=ends_at)
        record(actor, "wall.added", name, now, f"until {minute_text(ends_at)}")
    return token


def remove_wall(publisher: Announcer, name: str, *, actor: str, now: datetime) -> None:
    """Remove a wall: its screen shows nothing from now on. Raise `Refused` if there is none of that name."""
    _remove(name.replace("\0", "").strip(), actor, now)
    publisher.announce(walls_changed())


@blocking
def open_wall(token: str, *, actor: str, now: datetime) -> tuple[str, datetime] | None:
    """Open a wall by its link's token; return the token for its screen's cookie, and when that ends.

    Return None if the token is of no wall, or was used. Of two screens at once, one gets it.
    """
    new_token = link_tokens.new()
    with database.atomic():
        row = _unopened(token, now).first()
        if row is None:
            return None
        is_unopened = (Wall.id == row.id) & Wall.opened_at.is_null()
        if not Wall.update(token_hash=link_tokens.hashed(new_token), opened_at=now).where(is_unopened).execute():
            return None
        record(actor, "wall.opened", row.name, now)
    return new_token, row.ends_at


@blocking
def to_open_until(token: str, now: datetime) -> datetime | None:
    """Return when the wall ends that a link's token is still to open; None if it opens none."""
    row: Wall | None = _unopened(token, now).first()
    return None if row is None else row.ends_at


@blocking
def wall_of(token: str, now: datetime) -> OpenWall | None:
    """Return the wall that a cookie's token opens, None if it opens none any more."""
    token_hash = link_tokens.hashed(token)
    ends_at = open_until([token_hash], now).get(token_hash)
    return None if ends_at is None else OpenWall(token_hash, ends_at)


@blocking
def open_until(token_hashes: Collection[str], now: datetime) -> dict[str, datetime]:
    """Return those of the hashes that are of open walls, with the walls' ends."""
    is_open = Wall.opened_at.is_null(False) & (Wall.ends_at > now)
    rows = Wall.select(Wall.token_hash, Wall.ends_at).where(Wall.token_hash.in_(list(token_hashes)), is_open)
    return {row.token_hash: row.ends_at for row in rows}


@blocking
def list_walls(now: datetime) -> list[WallView]:
    """Return the walls that have not ended, in the order of their names."""
    rows = Wall.select().where(Wall.ends_at > now).order_by(Wall.name).limit(MAX_WALLS)
    return [WallView(row.name, row.created_at, row.opened_at, row.ends_at) for row in rows]


@blocking
def _remove(name: str, actor: str, now: datetime) -> None:
    with database.atomic():
        row = locked(Wall.select().where(Wall.name == name)).first()
        if row is None:
            raise Refused(say("There is no wall %(name)s. It may have been removed already.", name=name))
        Wall.delete().where(Wall.id == row.id).execute()
        record(actor, "wall.removed", name, now, f"until {minute_text(row.ends_at)}")


def _unopened(token: str, now: datetime) -> Any:
    return Wall.select().where(
        Wall.token_hash == link_tokens.hashed(token), Wall.opened_at.is_null(), Wall.ends_at > now
    )
