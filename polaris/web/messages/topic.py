"""The topic of the page of a charger's messages, which only operators can watch.

Like the charger's page it reads the log each second while it is open, so that the bridge has no extra work for a frame.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic

from polaris.ocpp_log.filter import MessageFilter
from polaris.ocpp_log.tail import Tails
from polaris.push.topic import Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments, render
from polaris.web.messages import queries
from polaris.web.messages.following import Followed, follow
from polaris.web.messages.queries import LoggedCharger, MessagesPage

INTERVAL = timedelta(seconds=1)
REST = 10  # times as long as a search took; without it, a charger that floods would have the log searched all the time


class MessagesTopic(Topic):
    """The newest messages of a charger that match a filter."""

    def __init__(self, charger: LoggedCharger, tails: Tails, wanted: MessageFilter) -> None:
        super().__init__(charger.id, wanted)
        self.charger = charger
        self.tails = tails
        self.wanted = wanted
        self._followed: Followed | None = None
        self._rendered: tuple[object, Fragments] = (None, {})  # of what was rendered last; mostly, nothing is new

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        charger = queries.charger(self.charger.identity)
        if charger is None:
            return State(None)
        began_at = monotonic()
        self._followed = follow(charger, self.tails, self.wanted, self._followed)
        pause = timedelta(seconds=REST * (monotonic() - began_at)) if self._followed.is_searched else INTERVAL
        return State(self._followed.page, now + max(INTERVAL, pause))

    def common(self, state: State) -> Fragments:
        page = state.value
        if not isinstance(page, MessagesPage):
            return {}
        if self._rendered[0] != (page.log, page.found):
            self._rendered = (page.log, page.found), {"messages-list": render("messages/_list.html", page=page)}
        return self._rendered[1]
