"""The topic of the tariffs' page."""

from __future__ import annotations

from datetime import datetime

from polaris.web.lists import ListTopic
from polaris.web.tariffs import queries
from polaris.web.tariffs.queries import Wanted


class TariffsTopic(ListTopic):
    """A page of the versions of prices."""

    template = "tariffs/_list.html"
    root_id = "tariffs-list"

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        self.wanted = wanted

    def page(self, now: datetime) -> object:
        return queries.page(self.wanted)
