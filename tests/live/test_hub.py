"""The hub with a real Valkey: subscribe, snapshot, live; nobody gets another's; nothing is lost for good."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
import redis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris import administration, create_app, models
from polaris.config import Config
from polaris.domain.session_page import Viewer
from polaris.domain.words import AccountStatus, Role
from polaris.ingest import Ingest
from polaris.live.hub import MOST_STREAMS, Hub, TooManyStreams
from polaris.live.snapshot import Device
from polaris.live.subscriber import Subscriber
from polaris.live.topics import AccountTopic, SessionsTopic, SessionTopic, Topic
from polaris.models import SignIn
from polaris.services import NAME
from tests.support import cast as cast_
from tests.support.cast import ACTOR, Cast, Person, now
from tests.support.charging import Charging
from tests.support.valkey import Valkey
from tests.support.wait import eventually

_numbers = itertools.count()


class Page:
    """An open page: takes what its stream brings, as the browser would."""

    def __init__(self, hub: Hub, topic: Topic, person: Person, *, role: Role = Role.DRIVER) -> None:
        self.hub = hub
        self.sign_in_id = f"{person.id}-{next(_numbers)}"
        with models.database.connection_context():
            SignIn.create(id=self.sign_in_id, account=person.id, user_agent="", created_at=now(), last_seen_at=now())
        device = Device(person.id, Viewer(role, AccountStatus.ACTIVE))
        self.subscriber: Subscriber = hub.join(topic, self.sign_in_id, device)
        self.events = self.subscriber.events(0.05)
        self.shown: dict[str, str] = {}
        self.is_over = False

    def take(self) -> None:
        """Take one event, or notice that there is none."""
        try:
            self.shown |= next(self.events) or {}
        except StopIteration:
            self.is_over = True

    def shows(self, text: str, *, in_: str = "", timeout_s: float = 5) -> bool:
        def is_shown() -> bool:
            self.take()
            return any(text in html for root_id, html in self.shown.items() if in_ in root_id)

        return eventually(is_shown, timeout_s=timeout_s)

    def close(self) -> None:
        self.hub.leave(self.subscriber)


@pytest.fixture
def app(settings: dict[str, str], database: None) -> Iterator[Flask]:
    app = create_app(Config.from_env(settings | {"REREAD_S": "3600"}))
    yield app
    app.extensions[NAME].bus.close()


@pytest.fixture
def config(app: Flask) -> Config:
    return app.extensions[NAME].config


@pytest.fixture
def ingest(app: Flask) -> Ingest:
    return app.extensions[NAME].ingest


@pytest.fixture
def cast(app: Flask, config: Config) -> Cast:
    return cast_.everybody(config)


@pytest.fixture
def charging(ingest: Ingest, cast: Cast) -> Charging:
    charging = Charging(ingest, cast.depot_7)
    charging.connect()
    return charging


@pytest.fixture
def hub(app: Flask, config: Config, ingest: Ingest) -> Iterator[Hub]:
    hub = Hub(config, ingest, app.test_request_context)
    yield hub
    hub.close()


def test_a_page_gets_the_present_state_first_and_then_every_change(hub: Hub, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.meter(number, 1500)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("0.50", in_="live")
        assert page.shows("Stop charging", in_="stop")
        for register_wh in (2000, 2500, 3000):
            charging.meter(number, register_wh)
            assert page.shows(f"{(register_wh - 1000) / 1000:.2f}", in_="live")
        charging.end(number, 9000)
        assert page.shows("8.00", in_="live")
        assert page.shows("Completed", in_="header")
        assert page.shows("Final reading", in_="timeline")


def test_a_fragment_that_did_not_change_is_not_sent_again(hub: Hub, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    charging.end(number, 9000)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("Completed", in_="header")
        hub._mark_all()
        assert [next(page.events) for _ in range(5)] == [None] * 5


def test_what_cannot_be_taken_in_time_is_replaced_and_never_piles_up(hub: Hub, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("Stop charging", in_="stop")
        for register_wh in range(1100, 4000, 100):
            charging.meter(number, register_wh)
        eventually(lambda: "2.90" in page.subscriber._pending.get(f"session-{number}-live", ""))
        assert len(page.subscriber._pending) <= 5
        page.take()
        assert "2.90" in page.shown[f"session-{number}-live"]


def test_two_people_see_the_same_and_the_stop_each_may_use(
    hub: Hub, app: Flask, cast: Cast, charging: Charging
) -> None:
    number = charging.start(cast.ada.id_tag)
    with (
        closing(Page(hub, SessionTopic(number), cast.ada)) as ada,
        closing(Page(hub, SessionTopic(number), cast.olga, role=Role.OPERATOR)) as olga,
    ):
        for page in (ada, olga):
            assert page.shows("Stop charging", in_="stop")
        bus = app.extensions[NAME].bus
        administration.set_account_status(bus, cast.ada.email, AccountStatus.SUSPENDED, actor=ACTOR, now=now())
        assert ada.shows("Your account is suspended", in_="stop")
        charging.meter(number, 2000)
        assert olga.shows("1.00", in_="live")
        assert "suspended" not in olga.shown[f"session-{number}-stop"]


def test_a_pending_stop_shows_on_every_page(hub: Hub, ingest: Ingest, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    with (
        closing(Page(hub, SessionTopic(number), cast.ada)) as one,
        closing(Page(hub, SessionTopic(number), cast.ada)) as other,
    ):
        assert one.shows("Stop charging", in_="stop")
        ingest.request_stop(number, cast.ada.id, datetime.now(UTC))
        for page in (one, other):
            assert page.shows("Charger could not stop the session", in_="stop")


def test_what_only_time_changes_is_rendered_at_that_instant(hub: Hub, ingest: Ingest, cast: Cast, charging) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        ingest.request_stop(number, cast.ada.id, datetime.now(UTC))
        assert page.shows("data-countdown", in_="stop")
        eventually(lambda: page.take() or "data-countdown" not in page.shown[f"session-{number}-stop"], timeout_s=15)
        assert "hx-post" in page.shown[f"session-{number}-stop"]


def test_a_new_session_comes_into_the_list_and_its_row_moves(hub: Hub, cast: Cast, charging: Charging) -> None:
    with (
        closing(Page(hub, SessionsTopic(cast.ada.id), cast.ada)) as ada,
        closing(Page(hub, SessionsTopic(cast.ben.id), cast.ben)) as ben,
        closing(Page(hub, SessionsTopic(None), cast.olga, role=Role.OPERATOR)) as olga,
    ):
        assert ada.shows("No sessions yet", in_="sessions")
        assert ben.shows("No sessions yet", in_="sessions")
        number = charging.start(cast.ada.id_tag)
        for page in (ada, olga):
            assert page.shows(f"Session #{number}", in_="sessions")
        charging.meter(number, 3000)
        for page in (ada, olga):
            assert page.shows("2.00", in_=f"session-{number}-row")
        assert "Session #" not in "".join(ben.shown.values())


def test_signing_out_ends_the_streams_of_that_device_alone(
    hub: Hub, app: Flask, cast: Cast, charging: Charging
) -> None:
    number = charging.start(cast.ada.id_tag)
    with (
        closing(Page(hub, SessionTopic(number), cast.ada)) as gone,
        closing(Page(hub, SessionTopic(number), cast.ada)) as stays,
    ):
        assert gone.shows("Stop charging")
        assert stays.shows("Stop charging")
        bus = app.extensions[NAME].bus
        administration.sign_out(bus, cast.ada.id, gone.sign_in_id, actor=ACTOR, now=now())
        eventually(lambda: gone.take() or gone.is_over)
        charging.meter(number, 2000)
        assert stays.shows("1.00", in_="live")
        assert not stays.is_over


def test_a_revoked_device_is_noticed_without_redis(hub: Hub, cast: Cast, charging: Charging, valkey: Valkey) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("Stop charging")
        valkey.stop()
        with models.database.connection_context():
            SignIn.update(revoked_at=now()).execute()
        eventually(lambda: page.take() or page.is_over, timeout_s=15)


def test_pages_are_right_again_after_redis_was_away(hub: Hub, cast: Cast, charging: Charging, valkey: Valkey) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("Stop charging")
        valkey.stop()
        charging.meter(number, 2000)
        valkey.start()
        assert page.shows("1.00", in_="live", timeout_s=15)
        charging.meter(number, 3000)
        assert page.shows("2.00", in_="live")


def test_a_page_opens_while_redis_is_away(hub: Hub, cast: Cast, charging: Charging, valkey: Valkey) -> None:
    number = charging.start(cast.ada.id_tag)
    valkey.stop()
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("Stop charging", in_="stop")


def test_a_lost_hint_is_made_good_by_reading_anew(hub: Hub, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page:
        assert page.shows("Stop charging")
        with models.database.connection_context():
            models.ChargingSession.update(energy_wh=7770, revision=99).execute()
        hub._mark_all()
        assert page.shows("7.77", in_="live")


def test_a_hub_that_closes_ends_its_streams_and_threads(hub: Hub, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    page = Page(hub, SessionTopic(number), cast.ada)
    assert page.shows("Stop charging")
    hub.close()
    eventually(lambda: page.take() or page.is_over)
    assert not [thread for thread in hub._threads if thread.is_alive()]


def test_pages_that_close_leave_nothing_behind(hub: Hub, cast: Cast, charging: Charging) -> None:
    number = charging.start(cast.ada.id_tag)
    pages = [Page(hub, topic, cast.ada) for topic in (SessionTopic(number), SessionsTopic(cast.ada.id)) for _ in "ab"]
    pages.append(Page(hub, AccountTopic(cast.ada.id), cast.ada))
    assert pages[0].shows("Stop charging")
    for page in pages:
        page.close()
    assert not hub._watches
    assert not hub._by_channel
    assert not hub._by_account
    assert not hub._listener._wanted
    eventually(lambda: not hub._listener._subscribed and not hub._listener._confirmed)


def test_a_device_may_not_open_pages_without_end(hub: Hub, cast: Cast, charging: Charging) -> None:
    page = Page(hub, AccountTopic(cast.ada.id), cast.ada)
    device = Device(cast.ada.id, Viewer(Role.DRIVER, AccountStatus.ACTIVE))
    for _ in range(MOST_STREAMS - 1):
        hub.join(AccountTopic(cast.ada.id), page.sign_in_id, device)
    with pytest.raises(TooManyStreams):
        hub.join(AccountTopic(cast.ada.id), page.sign_in_id, device)
    hub.leave(page.subscriber)
    hub.join(AccountTopic(cast.ada.id), page.sign_in_id, device)


def test_connections_that_are_cut_while_pages_come_and_go_are_mended(hub, cast, charging, redis_url: str) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as stays, redis.Redis.from_url(redis_url) as valkey:
        assert stays.shows("Stop charging")
        for _ in range(20):
            comes_and_goes = [Page(hub, SessionTopic(n), cast.ada) for n in range(100, 110)]
            valkey.client_kill_filter(_type="pubsub")
            for page in comes_and_goes:
                page.close()
        charging.meter(number, 2000)
        assert stays.shows("1.00", in_="live", timeout_s=10)
        charging.meter(number, 3000)
        assert stays.shows("2.00", in_="live", timeout_s=5)


@pytest.mark.parametrize(
    "odd", [b"", b"{}", b'{"data": {}, "type": "something.new"}', b'{"data": {"session": "x"}}', b"[]"]
)
def test_a_message_that_is_not_understood_ends_nothing(hub, cast, charging, redis_url: str, odd: bytes) -> None:
    number = charging.start(cast.ada.id_tag)
    with closing(Page(hub, SessionTopic(number), cast.ada)) as page, redis.Redis.from_url(redis_url) as valkey:
        assert page.shows("Stop charging")
        for channel in (f"session:{number}", f"account:{cast.ada.id}"):
            assert valkey.publish(channel, odd) == 1
        charging.meter(number, 2000)
        assert page.shows("1.00", in_="live", timeout_s=5)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(routing=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), min_size=1, max_size=4))
def test_a_driver_never_receives_anothers_session(hub: Hub, cast: Cast, charging: Charging, routing) -> None:
    people = {"a": cast.ada, "b": cast.ben}
    pages = {who: Page(hub, SessionsTopic(person.id), person) for who, person in people.items()}
    mine: dict[str, set[int]] = {"a": set(), "b": set()}
    for connector, (who, _) in enumerate(routing, start=1):
        number = charging.start(people[who].id_tag, connector=connector)
        mine[who].add(number)
        charging.meter(number, 1000 + 10 * number)
    for who, numbers in mine.items():
        for number in numbers:
            assert pages[who].shows(f"Session #{number}<")
    for who, other in (("a", "b"), ("b", "a")):
        everything = "".join(pages[who].shown.values())
        assert not [n for n in mine[other] if f'id="session-{n}-row"' in everything]
        pages[who].close()
