"""The audit log as a list: by actor, action, target and day, the newest rows first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import NamedTuple

from polaris import audit
from polaris.domain.audit_chain import Row
from polaris.lists import filters
from polaris.lists.search import Condition, Counted, Search
from polaris.models import AuditEntry, blocking


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The rows that are wanted. Days are in UTC, the last one included."""

    actor: str = ""
    action: str = ""
    target: str = ""
    from_day: date | None = None
    to_day: date | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> AuditFilter:
        """Parse a URL's parameters."""
        actor, action, target = (filters.text(values.get(name, "")) for name in ("actor", "action", "target"))
        from_day, to_day = (filters.day(values.get(name, "")) for name in ("from", "to"))
        return cls(actor, action, target, from_day, to_day)

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a URL."""
        return filters.parameters({name.removesuffix("_day"): value for name, value in asdict(self).items()})

    @property
    def search(self) -> Search:
        words = ((AuditEntry.actor, self.actor), (AuditEntry.action, self.action), (AuditEntry.target, self.target))
        return Search(
            AuditEntry.at,
            AuditEntry.id,
            from_at=None if self.from_day is None else filters.began(self.from_day),
            until_at=None if self.to_day is None else filters.ended(self.to_day),
            indexed=tuple(Condition(column, value, is_ordered=True) for column, value in words if value),
        )


class AuditRows(NamedTuple):
    """Rows, the newest first. `next_id` is where older ones go on."""

    rows: list[Row]
    next_id: int | None


@blocking
def page(wanted: AuditFilter, limit: int, before: int | None = None) -> AuditRows:
    """Read the newest rows that are wanted, or those older than the row `before`."""
    found = wanted.search.page(limit, before)
    return AuditRows(audit.rows(found.keys), found.next_key)


@blocking
def count(wanted: AuditFilter) -> Counted:
    """Count the rows that are wanted, up to a bound."""
    return wanted.search.count()
