"""The topic of the list of walls."""

from __future__ import annotations

from datetime import datetime

from polaris import administration
from polaris.web.lists import ListTopic


class WallsTopic(ListTopic):
    template = "walls/_list.html"
    root_id = "walls-list"

    def page(self, now: datetime) -> object:
        return administration.list_walls(now)
