"""The pages about people, and their rows, as their templates take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from polaris.administration.invitations import Invited
from polaris.domain import filters
from polaris.domain.audit_chain import Row
from polaris.domain.enums import AccountStatus, Role
from polaris.lists.accounts import AccountFilter
from polaris.lists.cards import CardRow
from polaris.lists.last_sessions import LastSession
from polaris.lists.search import Counted
from polaris.web.sessions.view import SessionRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter and a place in its list, as a URL gives them."""

    rows: AccountFilter
    before: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        return cls(AccountFilter.of(values), filters.number(values.get("before", "")))


@dataclass(frozen=True, slots=True)
class Cards:
    """How many cards an account has, and its first one."""

    count: int = 0
    first: str = ""


@dataclass(frozen=True, slots=True)
class Devices:
    """How many devices an account is signed in on, and when one of them was last seen."""

    count: int = 0
    last_seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """An account as a row of the list."""

    id: int
    email: str
    name: str
    role: Role
    status: AccountStatus
    is_erased: bool
    created_at: datetime
    cards: Cards
    devices: Devices
    last_session: LastSession | None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of the list. `next_id` is where older accounts go on. Its first page has the invitations that are open."""

    wanted: AccountFilter
    before: int | None
    rows: list[PersonRow]
    next_id: int | None
    count: Counted
    invitations: list[Invited]
    has_more_invitations: bool

    @property
    def is_filtered(self) -> bool:
        return self.wanted != AccountFilter()


@dataclass(frozen=True, slots=True)
class Device:
    """A device that a person is signed in on."""

    user_agent: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """A person's second factors."""

    passkeys: tuple[str, ...]  # names
    has_app: bool
    recovery_codes: int

    def __bool__(self) -> bool:
        return bool(self.passkeys) or self.has_app


@dataclass(frozen=True, slots=True)
class PersonPage:
    """All about one account. Of its cards, sessions and audit rows the newest, and whether there are more."""

    id: int
    email: str
    name: str
    role: Role
    status: AccountStatus
    created_at: datetime
    erased_at: datetime | None
    cards: list[CardRow]
    has_more_cards: bool
    devices: list[Device]
    factors: SecondFactors
    sessions: list[SessionRow]
    audit: list[Row]
