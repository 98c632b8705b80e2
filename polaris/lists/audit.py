"""The audit log as a list: by actor, action, target and day, the newest rows first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, NamedTuple

from peewee import fn

from polaris import audit
from polaris.domain import filters
from polaris.domain.audit_chain import Row
from polaris.domain.email_addresses import normal_email
from polaris.domain.filters import Filter, Values
from polaris.domain.identities import spellings_of
from polaris.lists.search import Condition, Counted, Search
from polaris.models import AuditEntry, Charger, blocking


@dataclass(frozen=True, slots=True)
class AuditFilter(Filter):
    """The rows that are wanted. Days are in UTC, the last one included."""

    NAMES: ClassVar = {"actor": "actor", "action": "action", "target": "target", "from": "from_day", "to": "to_day"}

    actor: str = ""
    action: str = ""
    target: str = ""
    from_day: date | None = None
    to_day: date | None = None

    @classmethod
    def of(cls, values: Mapping[str, str], actions: Iterable[str]) -> AuditFilter:
        """Parse a URL's parameters. `actions` are those that there are."""
        read = Values(values, cls.NAMES)
        actor, action, target = read.text("actor"), read.choice("action", actions), read.text("target")
        return cls(actor, action, target, *read.days("from", "to"), wrong=read.wrong)

    @property
    def search(self) -> Search:
        words = (
            (AuditEntry.actor, _spelt(self.actor)),
            (AuditEntry.action, self.action),
            (AuditEntry.target, _spelt(self.target)),
        )
        return Search(
            AuditEntry.at,
            AuditEntry.id,
            from_at=None if self.from_day is None else filters.began(self.from_day),
            until_at=None if self.to_day is None else filters.ended(self.to_day),
            indexed=tuple(Condition(column, value, is_ordered=True) for column, value in words if value),
            is_void=bool(self.wrong),
        )


def _spelt(name: str) -> str:
    """Return an e-mail address or a charger's identity as the log has it, however it is typed."""
    if "@" in name:
        return normal_email(name)
    is_same = fn.LOWER(Charger.identity).in_(spellings_of([name]))
    identities = [row.identity for row in Charger.select(Charger.identity).where(is_same)] if name else []
    return name if name in identities or not identities else str(identities[0])


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
