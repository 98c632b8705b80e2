"""The topic of the page of cards."""

from __future__ import annotations

from datetime import datetime

from polaris.push.topic import State
from polaris.rendering.fragments import Fragments, render
from polaris.web.cards import queries
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
