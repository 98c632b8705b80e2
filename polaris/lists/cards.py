"""Cards as a list: by how their id begins, by owner and state, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from polaris.domain.cards import normal_id_tag
from polaris.domain.enums import CardStatus
from polaris.lists import filters
from polaris.lists.search import Condition, Prefix, Search
from polaris.models import Account, EvCard


class CardState(StrEnum):
    """A card as it is at an instant. One that is blocked does not expire any more."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CardFilter:
    """The cards that are wanted: by the beginning of a card, and the e-mail address of an owner."""

    card: str = ""
    email: str = ""
    state: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> CardFilter:
        """Parse a URL's parameters."""
        card, email, state = (values.get(name, "") for name in ("card", "email", "state"))
        return cls(filters.text(card), filters.email(email), filters.choice(state, CardState))

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL."""
        return filters.parameters(asdict(self))

    def search(self, now: datetime) -> Search:
        return Search(
            EvCard.created_at, EvCard.id, indexed=tuple(self._conditions(now)), checked=tuple(self._checked(now))
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


def state(status: CardStatus, expires_at: datetime | None, now: datetime) -> CardState:
    """Return the state of a card, as chargers are answered."""
    if status is CardStatus.BLOCKED:
        return CardState.BLOCKED
    return CardState.EXPIRED if expires_at is not None and expires_at <= now else CardState.ACTIVE
