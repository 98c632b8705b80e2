"""How long a sign-in lasts: at most its absolute lifetime, and its idle one after its person last asked for a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from polaris.domain.enums import Role


class Lifetime(NamedTuple):
    absolute: timedelta
    idle: timedelta


class Lifetimes(NamedTuple):
    """The lifetimes of the sign-ins of each role."""

    operator: Lifetime
    driver: Lifetime

    def of(self, role: Role) -> Lifetime:
        return self.operator if role is Role.OPERATOR else self.driver

    @property
    def longest(self) -> timedelta:
        return max(self.operator.absolute, self.driver.absolute)

    def is_over(self, role: Role, created_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
        absolute, idle = self.of(role)
        return now - created_at >= absolute or now - last_seen_at >= idle
