"""The queries of the audit page: a page of the log, and the batches of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from polaris.domain import filters
from polaris.domain.audit_chain import Row
from polaris.lists import audit
from polaris.lists.audit import AuditFilter, AuditRows
from polaris.lists.search import Counted
from polaris.models import blocking
from polaris.rendering import audit_words

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter and a place in its list, as a URL gives them."""

    rows: AuditFilter
    before: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wanted:
        return cls(AuditFilter.of(values, audit_words.ACTIONS), filters.number(values.get("before", "")))


@dataclass(frozen=True, slots=True)
class AuditPage:
    """A page of the audit log. `next_id` is where older rows go on."""

    wanted: AuditFilter
    before: int | None
    rows: list[Row]
    next_id: int | None
    count: Counted

    @property
    def is_filtered(self) -> bool:
        return self.wanted != AuditFilter()


@blocking
def page(wanted: Wanted) -> AuditPage:
    """Read a page of the log."""
    rows: AuditRows = audit.page(wanted.rows, PAGE_ROWS, wanted.before)
    return AuditPage(wanted.rows, wanted.before, *rows, audit.count(wanted.rows))
