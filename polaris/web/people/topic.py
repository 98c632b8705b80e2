"""The topics of the pages about people."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polaris import pubsub
from polaris.domain.sign_ins import Lifetimes
from polaris.pubsub import PubSubMessage
from polaris.push.topic import WHOLE, Change, Changes, RenderSettings, State, Topic
from polaris.rendering.fragments import Fragments, render
from polaris.web.lists import ListWithSessionsTopic
from polaris.web.people import queries
from polaris.web.people.rows import PersonPage, Wanted


class PeopleTopic(ListWithSessionsTopic):
    """A page of the list."""

    template = "people/_list.html"
    root_id = "people-list"

    def __init__(self, wanted: Wanted, lifetimes: Lifetimes) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.lifetimes = lifetimes

    def page(self, now: datetime) -> object:
        return queries.page(self.wanted, self.lifetimes, now)


class PersonTopic(Topic):
    """A person's page, which shows accounts, cards and the audit log, and the person's sessions."""

    pace_s: ClassVar[float] = 1.0

    def __init__(self, account_id: int, lifetimes: Lifetimes) -> None:
        super().__init__(account_id)
        self.account_id = account_id
        self.lifetimes = lifetimes

    @property
    def channels(self) -> tuple[str, ...]:
        return *pubsub.own_channels(self.account_id), pubsub.RECORDS

    def changes(self, message: PubSubMessage) -> Change | None:
        return WHOLE

    def read(self, changes: Changes, now: datetime, settings: RenderSettings) -> State:
        return State(queries.person(self.account_id, self.lifetimes, now))

    def common(self, state: State) -> Fragments:
        if not isinstance(state.value, PersonPage):
            return {}
        return {f"person-{self.account_id}": render("people/_person.html", person=state.value)}
