"""Accounts as a list: by the beginning of an e-mail address, role and status, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from polaris.domain.enums import AccountStatus, Role
from polaris.domain.filters import Filter, Values
from polaris.lists.search import Condition, Prefix, Search
from polaris.models import Account, blocking


@dataclass(frozen=True, slots=True)
class AccountFilter(Filter):
    """The accounts that are wanted. An erased one is found by its pseudonym and its role, and has no status."""

    NAMES: ClassVar = {"email": "email", "role": "role", "status": "status"}

    email: str = ""
    role: str = ""
    status: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> AccountFilter:
        """Parse a URL's parameters."""
        read = Values(values, cls.NAMES)
        email, role, status = read.email("email"), read.choice("role", Role), read.choice("status", AccountStatus)
        return cls(email, role, status, wrong=read.wrong)

    @property
    def search(self) -> Search:
        is_in_use = (Account.erased_at.is_null(),) if self.status else ()
        conditions = tuple(self._conditions())
        return Search(Account.created_at, Account.id, indexed=conditions, checked=is_in_use, is_void=bool(self.wrong))

    def _conditions(self) -> Iterator[Condition]:
        if self.email:
            yield Condition(Account.email, Prefix(self.email))
        if self.role:
            yield Condition(Account.role, self.role, is_ordered=True)
        if self.status:
            yield Condition(Account.status, self.status, is_ordered=True)


class AccountLine(NamedTuple):
    """An account as a line of a table; an erased one has that as its status."""

    email: str
    role: str
    status: str
    created_at: datetime


@blocking
def page(wanted: AccountFilter, limit: int, before: int | None = None) -> tuple[list[AccountLine], int | None]:
    """Read the newest accounts that are wanted, or those older than `before`, and the key where older ones go on."""
    found = wanted.search.page(limit, before)
    read = {row.id: row for row in Account.select().where(Account.id.in_(found.keys))} if found.keys else {}
    rows = [read[id_] for id_ in found.keys if id_ in read]
    return [
        AccountLine(row.email, row.role, "erased" if row.erased_at else row.status, row.created_at) for row in rows
    ], found.next_key
