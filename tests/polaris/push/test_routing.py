"""Whatever comes in whatever order, nobody receives what is another's, and every page is right in the end."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris import administration, models
from polaris.domain.enums import AccountStatus, Role
from polaris.models import Account
from polaris.pubsub import Publisher, account_changed
from polaris.push.hub import Hub
from polaris.web.account.topic import AccountTopic
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import OperatorSessionsTopic, SessionsTopic, SessionTopic
from tests.support.cast import ACTOR, Cast, Person, now
from tests.support.charging import Charging
from tests.support.pages import Open, StreamClient, direct
from tests.support.wait import eventually

pytestmark = pytest.mark.parametrize("open_", [direct], indirect=True)

DRIVERS = st.sampled_from(["ada", "ben"])
PLACES = st.integers(0, 9)
STEPS = st.one_of(
    st.tuples(st.just("start"), DRIVERS),
    st.tuples(st.just("meter"), PLACES),
    st.tuples(st.just("open_list"), st.sampled_from(["ada", "ben", "olga"])),
    st.tuples(st.just("open_session"), PLACES),
    st.tuples(st.just("watch_session"), PLACES),
    st.tuples(st.just("open_account"), DRIVERS),
    st.tuples(st.just("close"), PLACES),
    st.tuples(st.just("sign_out"), PLACES),
    st.tuples(st.just("suspend"), DRIVERS),
    st.tuples(st.just("allow"), DRIVERS),
    st.tuples(st.just("promote"), DRIVERS),
)

connectors = itertools.count(1)


@dataclass
class Story:
    """What happened in one example, and what it must lead to."""

    hub: Hub
    open_: Open
    people: Cast
    charging: Charging
    publisher: Publisher
    owners: dict[int, str] = field(default_factory=dict)  # of the sessions
    energy_wh: dict[int, int] = field(default_factory=dict)
    pages: list[tuple[StreamClient, str, set[int] | None]] = field(default_factory=list)  # with viewer and sessions
    gone: list[StreamClient] = field(default_factory=list)  # signed out, or of another role

    def start(self, who: str) -> None:
        number = self.charging.start(self._person(who).id_tag, connector=next(connectors))
        self.owners[number], self.energy_wh[number] = who, 0

    def meter(self, place: int) -> None:
        if self.owners:
            number = self._number(place)
            self.energy_wh[number] += 10
            self.charging.meter(number, 1000 + self.energy_wh[number])

    def open_list(self, who: str) -> None:
        topic = OperatorSessionsTopic(Wanted.of({})) if who == "olga" else SessionsTopic(self._person(who).id)
        self._open(topic, who, None)

    def open_session(self, place: int) -> None:
        """By its owner."""
        if self.owners:
            number = self._number(place)
            self._open(SessionTopic(number), self.owners[number], {number})

    def watch_session(self, place: int) -> None:
        """By the operator."""
        if self.owners:
            number = self._number(place)
            self._open(SessionTopic(number), "olga", {number})

    def open_account(self, who: str) -> None:
        self._open(AccountTopic(self._person(who).id), who, set())

    def close(self, place: int) -> None:
        if self.pages:
            self.pages.pop(place % len(self.pages))[0].close()

    def sign_out(self, place: int) -> None:
        if self.pages:
            page, who, _ = self.pages.pop(place % len(self.pages))
            administration.sign_out(self.publisher, self._person(who).id, page.sign_in_id, actor=ACTOR, now=now())
            self.gone.append(page)

    def suspend(self, who: str) -> None:
        self._set_status(who, AccountStatus.SUSPENDED)

    def allow(self, who: str) -> None:
        self._set_status(who, AccountStatus.ACTIVE)

    def promote(self, who: str) -> None:
        """And back, once their pages have ended: a page shows what its role may see."""
        theirs = [page for page, viewer, _ in self.pages if viewer == who]
        self._set_role(who, Role.OPERATOR)
        for page in theirs:
            assert page.ends()
            assert page.heard[-1] == "signed-out"
        self.pages = [found for found in self.pages if found[0] not in theirs]
        self._set_role(who, Role.DRIVER)

    def is_right(self) -> bool:
        """Whether each page shows the newest of what it watches."""
        for page, who, watched in self.pages:
            page.take()
            assert not page.is_over
            seen = "".join(page.shown.values())
            numbers = self._of(who) if watched is None else watched
            assert all(f"{self.energy_wh[number] / 1000:.2f}" in seen for number in numbers)
        return True

    def check_secrets(self) -> None:
        for page, who, watched in self.pages:
            mine = self._of(who) if watched is None else watched
            seen = {int(number) for html in page.everything for number in re.findall(r'"session-(\d+)-', html)}
            assert seen <= mine, f"{who} received {seen - mine}"

    def _open(self, topic: object, who: str, watched: set[int] | None) -> None:
        role = Role.OPERATOR if who == "olga" else Role.DRIVER
        self.pages.append((self.open_(topic, self._person(who), role=role), who, watched))

    def _of(self, who: str) -> set[int]:
        return {number for number, owner in self.owners.items() if who in ("olga", owner)}

    def _person(self, who: str) -> Person:
        person: Person = getattr(self.people, who)
        return person

    def _number(self, place: int) -> int:
        return sorted(self.owners)[place % len(self.owners)]

    def _set_status(self, who: str, status: AccountStatus) -> None:
        administration.set_account_status(self.publisher, self._person(who).email, status, actor=ACTOR, now=now())

    def _set_role(self, who: str, role: Role) -> None:
        person = self._person(who)
        with models.database.connection_context():
            Account.update(role=role).where(Account.id == person.id).execute()
        self.publisher.announce(account_changed(person.id))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=25))
def test_drivers_never_receive_others(
    hub: Hub, open_: Open, people: Cast, charging: Charging, publisher: Publisher, steps: list[tuple[str, object]]
) -> None:
    with models.database.connection_context():
        models.MeterReading.delete().execute()
        models.ChargingSession.delete().execute()
    story = Story(hub, open_, people, charging, publisher)
    for step, argument in steps:
        getattr(story, step)(argument)
    for who in ("ada", "ben"):
        story.allow(who)
    eventually(story.is_right)
    story.check_secrets()
    for page in story.gone:
        assert page.ends()
    for page, _, _ in story.pages:
        page.close()
    eventually(lambda: not len(hub._poller))
