"""The topic of the audit page."""

from __future__ import annotations

from datetime import datetime

from polaris.web.audit import queries
from polaris.web.audit.queries import Wanted
from polaris.web.lists import ListTopic


class AuditTopic(ListTopic):
    """A page of the audit log."""

    template = "audit/_list.html"
    root_id = "audit-list"

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        self.wanted = wanted

    def page(self, now: datetime) -> object:
        return queries.page(self.wanted)
