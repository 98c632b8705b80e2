"""The topics of the page of cards: the operators' list, and a driver's own."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.domain.viewer import Viewer
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments, render
from polaris.web.cards import own, queries
from polaris.web.cards.own import OwnCardsPage
from polaris.web.cards.rows import Wanted
from polaris.web.lists import ListWithSessionsTopic


class CardsTopic(ListWithSessionsTopic):
    """A page of the list, and the unknown cards."""

    template = "cards/_list.html"
    root_id = "cards-list"

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(wanted)
        self.wanted = wanted

    def page(self, now: datetime) -> object:
        return queries.page(self.wanted, now)

    def common(self, state: State) -> Fragments:
        return super().common(state) | {"card-taps": render("cards/_taps.html", page=state.value)}


class OwnCardsTopic(Topic):
    """A driver's cards, and those that were just tapped."""

    __slots__ = ("account_id",)

    # Without it, a reading of a session that one of them has started would have all read at once.
    pace_s: ClassVar[float] = 1.0

    def __init__(self, account_id: int) -> None:
        super().__init__(account_id)
        self.account_id = account_id

    @property
    def channels(self) -> tuple[str, ...]:
        return *pubsub.own_channels(self.account_id), pubsub.RECORDS

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        page = own.page(self.account_id, now)
        return State(page, page.changes_at)

    def per_viewer(self, state: State, viewer: Viewer, settings: RenderSettings) -> Fragments:
        if not isinstance(state.value, OwnCardsPage):
            return {}
        values = {"page": state.value, "viewer": viewer, "operator_contact": settings.operator_contact}
        return {
            "own-cards": render("cards/_own_list.html", **values),
            "own-taps": render("cards/_own_taps.html", **values),
        }
