"""Accounts as a list: by the beginning of an e-mail address, role and status, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from polaris.domain.enums import AccountStatus, Role
from polaris.lists import filters
from polaris.lists.search import Condition, Prefix, Search
from polaris.models import Account


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """The accounts that are wanted. An erased one is found by its pseudonym and its role, and has no status."""

    email: str = ""
    role: str = ""
    status: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> AccountFilter:
        """Parse a URL's parameters."""
        email, role, status = (values.get(name, "") for name in ("email", "role", "status"))
        return cls(filters.email(email), filters.choice(role, Role), filters.choice(status, AccountStatus))

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL."""
        return filters.parameters(asdict(self))

    @property
    def search(self) -> Search:
        is_in_use = (Account.erased_at.is_null(),) if self.status else ()
        return Search(Account.created_at, Account.id, indexed=tuple(self._conditions()), checked=is_in_use)

    def _conditions(self) -> Iterator[Condition]:
        if self.email:
            yield Condition(Account.email, Prefix(self.email))
        if self.role:
            yield Condition(Account.role, self.role, is_ordered=True)
        if self.status:
            yield Condition(Account.status, self.status, is_ordered=True)
