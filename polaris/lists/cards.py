"""Cards as a list: by how their id begins, by owner and state, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from polaris.domain.cards import normal_id_tag, shown, typed
from polaris.domain.enums import CardStatus
from polaris.domain.filters import Filter, Values
from polaris.lists import last_sessions
from polaris.lists.last_sessions import LastSession
from polaris.lists.search import Condition, Prefix, Search
from polaris.models import Account, EvCard, blocking


class CardState(StrEnum):
    """A card as it is at an instant. One that is blocked does not expire any more."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CardFilter(Filter):
    """The cards that are wanted: by the beginning of a card, and the e-mail address of an owner."""

    NAMES: ClassVar = {"card": "card", "email": "email", "state": "state"}

    card: str = ""
    email: str = ""
    state: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> CardFilter:
        """Parse a URL's parameters."""
        read = Values(values, cls.NAMES)
        return cls(read.card("card"), read.email("email"), read.choice("state", CardState), wrong=read.wrong)

    def search(self, now: datetime) -> Search:
        return Search(
            EvCard.created_at,
            EvCard.id,
            indexed=tuple(self._conditions(now)),
            checked=tuple(self._checked(now)),
            is_void=bool(self.wrong),
        )

    def _conditions(self, now: datetime) -> Iterator[Condition]:
        if self.card:
            yield Condition(EvCard.id_tag, Prefix(normal_id_tag(self.card)))
        if self.email:
            yield Condition(EvCard.account, Account.select(Account.id).where(Account.email == self.email))
        if self.state == CardState.EXPIRED:
            yield Condition(EvCard.id, EvCard.select(EvCard.id).where(EvCard.expires_at <= now))
        elif self.state:
            yield Condition(EvCard.status, self.state, is_ordered=True)

    def _checked(self, now: datetime) -> Iterator[Any]:
        if self.state == CardState.EXPIRED:
            yield EvCard.status == CardStatus.ACTIVE
        elif self.state == CardState.ACTIVE:
            yield EvCard.expires_at.is_null() | (EvCard.expires_at > now)


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card as a row. Its token and type are the arguments of its verbs."""

    id: int
    card: str
    token: str
    type: str
    state: CardState
    expires_at: datetime | None
    account_id: int
    email: str
    last_session: LastSession | None
    lost_at: datetime | None  # when its owner reported it lost


@blocking
def page(wanted: CardFilter, limit: int, before: int | None, now: datetime) -> tuple[list[CardRow], int | None]:
    """Read the newest cards that are wanted, or those older than `before`, and the key where older ones go on."""
    found = wanted.search(now).page(limit, before)
    return rows(found.keys, now), found.next_key


def rows(ids: list[int], now: datetime) -> list[CardRow]:
    """Read cards by their ids, in that order. The caller has a connection."""
    if not ids:
        return []
    read = {row.id: row for row in EvCard.select(EvCard, Account).join(Account).where(EvCard.id.in_(ids))}
    found = [read[id_] for id_ in ids if id_ in read]
    newest = last_sessions.of_cards([row.id_tag for row in found])
    return [_row(row, newest.get(row.id_tag), now) for row in found]


def state(status: CardStatus, expires_at: datetime | None, now: datetime) -> CardState:
    """Return the state of a card, as chargers are answered."""
    if status is CardStatus.BLOCKED:
        return CardState.BLOCKED
    return CardState.EXPIRED if expires_at is not None and expires_at <= now else CardState.ACTIVE


def _row(row: EvCard, last: LastSession | None, now: datetime) -> CardRow:
    type_, token = typed(row.id_tag)
    is_in = state(CardStatus(row.status), row.expires_at, now)
    card = shown(row.id_tag, row.token_type)
    owner = (row.account_id, row.account.email)
    return CardRow(row.id, card, token, type_, is_in, row.expires_at, *owner, last, row.lost_at)
