"""The topics of the list of sites and of a site's page."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.push.topic import State
from polaris.rendering.fragments import Fragments, render
from polaris.web.lists import ListTopic
from polaris.web.sites import queries
from polaris.web.sites.queries import SiteView

CHANNELS = (pubsub.RECORDS, pubsub.ALL_CHARGERS, pubsub.ALL_SESSIONS)


class SitesTopic(ListTopic):
    """A page of sites, with how many chargers are online and in use."""

    pace_s: ClassVar[float] = 2.0  # it counts all chargers of its sites, and some charger always says something
    template = "sites/_list.html"
    root_id = "sites-list"

    def __init__(self, after: str) -> None:
        super().__init__(after)
        self.after = after

    @property
    def channels(self) -> tuple[str, ...]:
        return CHANNELS

    def page(self, now: datetime) -> object:
        return queries.index(self.after, now)


class SiteTopic(ListTopic):
    """A site's page. One that was deleted meanwhile changes no more."""

    template = "sites/_site.html"

    def __init__(self, site_id: int, after: int | None) -> None:
        super().__init__(site_id, after)
        self.site_id = site_id
        self.after = after

    @property
    def channels(self) -> tuple[str, ...]:
        return CHANNELS

    def page(self, now: datetime) -> object:
        return queries.show(self.site_id, self.after, now)

    def common(self, state: State) -> Fragments:
        if not isinstance(state.value, SiteView):
            return {}
        return {f"site-{self.site_id}": render(self.template, page=state.value)}
