"""The hub with a real Valkey: subscribe, snapshot, live; nobody gets another's; nothing is lost for good."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest
import redis
from flask import Flask

from polaris import administration, link_tokens, models, pubsub
from polaris.commissioning import links, runs
from polaris.domain.enums import AccountStatus, Role
from polaris.ingest import Ingest
from polaris.models import SignIn
from polaris.push.hub import Hub
from polaris.push.topic import WHOLE
from polaris.services import NAME
from polaris.web.account.topic import AccountTopic
from polaris.web.commissioning.topic import ElectricianTopic
from polaris.web.sessions.listed import Wanted
from polaris.web.sessions.topic import OperatorSessionsTopic, SessionsTopic, SessionTopic
from tests.support.cast import ACTOR, Cast, add_person, now
from tests.support.charging import Charging
from tests.support.pages import Open, direct, relayed
from tests.support.valkey import Valkey
from tests.support.wait import eventually

# A connection in the hub's own hands, and one with a server in between: both behave alike.
pytestmark = pytest.mark.parametrize("open_", [direct, relayed], indirect=True)


@pytest.mark.both_databases
def test_snapshot_then_changes(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    charging.meter(number, 1500)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("0.50", in_="live")
        assert page.shows("Stop charging", in_="stop")
        for register_wh in (2000, 2500, 3000):
            charging.meter(number, register_wh)
            assert page.shows(f"{(register_wh - 1000) / 1000:.2f}", in_="live")
        charging.end(number, 9000)
        assert page.shows("8.00", in_="live")
        assert page.shows("Completed", in_="header")
        assert page.shows("Final reading", in_="timeline")


def test_unchanged_fragment_not_resent(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    charging.end(number, 9000)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("Completed", in_="header")
        page.shown.clear()
        read_anew(hub)
        other = open_(SessionTopic(number), people.ada)
        assert other.shows("Completed", in_="header")
        assert page.hears("heartbeat")
        assert not page.shown


@pytest.mark.both_databases
def test_two_viewers_each_with_their_stop(hub: Hub, open_: Open, app: Flask, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    with (
        closing(open_(SessionTopic(number), people.ada)) as ada,
        closing(open_(SessionTopic(number), people.olga, role=Role.OPERATOR)) as olga,
    ):
        for page in (ada, olga):
            assert page.shows("Stop charging", in_="stop")
        publisher = app.extensions[NAME].publisher
        administration.set_account_status(publisher, people.ada.email, AccountStatus.SUSPENDED, actor=ACTOR, now=now())
        assert ada.shows("Your account is suspended", in_="stop")
        charging.meter(number, 2000)
        assert olga.shows("1.00", in_="live")
        assert "suspended" not in olga.shown[f"session-{number}-stop"]


def test_pending_stop_on_every_page(hub: Hub, open_: Open, ingest: Ingest, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    with (
        closing(open_(SessionTopic(number), people.ada)) as one,
        closing(open_(SessionTopic(number), people.ada)) as other,
    ):
        assert one.shows("Stop charging", in_="stop")
        ingest.request_stop(number, people.ada.id, datetime.now(UTC))
        for page in (one, other):
            assert page.shows("Charger could not stop the session", in_="stop")


def test_change_by_time_rendered_when_due(hub: Hub, open_: Open, ingest: Ingest, people: Cast, charging) -> None:
    number = charging.start(people.ada.id_tag)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        ingest.request_stop(number, people.ada.id, datetime.now(UTC))
        assert page.shows("data-countdown", in_="stop")
        eventually(lambda: page.take() or "data-countdown" not in page.shown[f"session-{number}-stop"])
        assert "hx-post" in page.shown[f"session-{number}-stop"]


def test_new_session_joins_list(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    with (
        closing(open_(SessionsTopic(people.ada.id), people.ada)) as ada,
        closing(open_(SessionsTopic(people.ben.id), people.ben)) as ben,
        closing(open_(OperatorSessionsTopic(Wanted.of({})), people.olga, role=Role.OPERATOR)) as olga,
    ):
        assert ada.shows("No sessions yet", in_="sessions")
        assert ben.shows("No sessions yet", in_="sessions")
        number = charging.start(people.ada.id_tag)
        assert ada.shows(f"Session #{number}", in_="sessions")
        assert olga.shows(f"#{number}", in_="session-list")
        charging.meter(number, 3000)
        assert ada.shows("2.00", in_=f"session-{number}-row")
        assert olga.shows("2.00", in_="session-list")
        assert "Session #" not in "".join(ben.shown.values())


def test_sign_out_ends_streams_of_device(hub: Hub, open_: Open, app: Flask, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    with (
        closing(open_(SessionTopic(number), people.ada)) as gone,
        closing(open_(SessionTopic(number), people.ada)) as stays,
    ):
        assert gone.shows("Stop charging")
        assert stays.shows("Stop charging")
        publisher = app.extensions[NAME].publisher
        administration.sign_out(publisher, people.ada.id, gone.sign_in_id, actor=ACTOR, now=now())
        eventually(lambda: gone.take() or gone.is_over)
        charging.meter(number, 2000)
        assert stays.shows("1.00", in_="live")
        assert not stays.is_over


@pytest.mark.parametrize("ended", [AccountStatus.SUSPENDED, Role.DRIVER])
def test_link_ends_with_its_maker(hub: Hub, open_: Open, app: Flask, people: Cast, ended: AccountStatus | Role) -> None:
    oscar, publisher = add_person("oscar@example.com", role=Role.OPERATOR), app.extensions[NAME].publisher
    runs.begin("depot-7", actor=people.olga.email, now=now())
    _, token = links.make("depot-7", 24, actor=oscar.email, now=now())
    link_hash = link_tokens.hashed(token)
    with closing(open_(ElectricianTopic(people.depot_7.id, link_hash), oscar, link_hash=link_hash)) as page:
        assert page.shows("It connects")
        if isinstance(ended, Role):
            administration.set_account_role(publisher, oscar.email, ended, actor=ACTOR, now=now())
        else:
            administration.set_account_status(publisher, oscar.email, ended, actor=ACTOR, now=now())
        assert page.ends(timeout_s=2)  # the regular check would take ten seconds
        assert page.heard[-1] == "signed-out"


def test_ended_link_shows_nothing_more_where_somebody_is_signed_in(
    hub: Hub, open_: Open, app: Flask, people: Cast
) -> None:
    runs.begin("depot-7", actor=people.olga.email, now=now())
    _, token = links.make("depot-7", 24, actor=people.olga.email, now=now())
    topic = ElectricianTopic(people.depot_7.id, link_tokens.hashed(token))
    with closing(open_(topic, people.ada)) as page:
        assert page.shows("It connects")
        links.revoke("depot-7", actor=people.olga.email, now=now())
        app.extensions[NAME].publisher.announce(pubsub.charger_changed(people.depot_7.id))
        assert page.shows("This link is no longer good")
        assert "It connects" not in "".join(page.shown.values())
        assert not page.is_over


def test_revoked_device_noticed_without_redis(
    hub: Hub, open_: Open, people: Cast, charging: Charging, valkey: Valkey
) -> None:
    number = charging.start(people.ada.id_tag)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("Stop charging")
        valkey.stop()
        with models.database.connection_context():
            SignIn.update(revoked_at=now()).execute()
        assert page.ends(timeout_s=60)  # every ten seconds all are looked up


def test_recovers_after_redis_outage(hub: Hub, open_: Open, people: Cast, charging: Charging, valkey: Valkey) -> None:
    number = charging.start(people.ada.id_tag)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("Stop charging")
        valkey.stop()
        charging.meter(number, 2000)
        valkey.start()
        assert page.shows("1.00", in_="live")
        charging.meter(number, 3000)
        assert page.shows("2.00", in_="live")


def test_page_opens_while_redis_is_down(
    hub: Hub, open_: Open, people: Cast, charging: Charging, valkey: Valkey
) -> None:
    number = charging.start(people.ada.id_tag)
    valkey.stop()
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("Stop charging", in_="stop")


def test_lost_notification_recovered_on_reread(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    with closing(open_(SessionTopic(number), people.ada)) as page:
        assert page.shows("Stop charging")
        with models.database.connection_context():
            models.ChargingSession.update(energy_wh=7770, revision=99).execute()
        read_anew(hub)
        assert page.shows("7.77", in_="live")


def test_close_ends_streams_and_threads(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    page = open_(SessionTopic(number), people.ada)
    assert page.shows("Stop charging")
    hub.close()
    eventually(lambda: page.take() or page.is_over)
    assert not [thread for thread in hub._threads if thread.is_alive()]


def test_closed_pages_leave_nothing(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    pages = [open_(topic, people.ada) for topic in (SessionTopic(number), SessionsTopic(people.ada.id)) for _ in "ab"]
    pages.append(open_(AccountTopic(people.ada.id), people.ada))
    assert pages[0].shows("Stop charging")
    for page in pages:
        page.close()
    eventually(lambda: not hub._subscriptions)
    with hub._lock:  # under which a page leaves
        assert not hub._by_channel
        assert not hub._streams
        assert not len(hub._poller)
        assert not hub.listener._wanted
    eventually(lambda: not hub.listener._subscribed and not hub.listener._confirmed)


def test_one_stream_of_several_topics(hub: Hub, open_: Open, app: Flask, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    page = open_(SessionTopic(number), people.ada, others=[SessionsTopic(people.ada.id), AccountTopic(people.ada.id)])
    assert page.shows("Stop charging", in_="stop")
    assert page.shows(f"Session #{number}", in_="sessions")
    assert page.shows("active", in_="account")
    charging.meter(number, 3000)
    assert page.shows("2.00", in_="live")
    assert page.shows("2.00", in_=f"session-{number}-row")
    publisher = app.extensions[NAME].publisher
    administration.set_account_status(publisher, people.ada.email, AccountStatus.SUSPENDED, actor=ACTOR, now=now())
    assert page.shows("suspended", in_="stop")
    assert page.shows("suspended", in_="account")


def test_topic_stays_while_another_stream_has_it(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    both = open_(SessionTopic(number), people.ada, others=[SessionsTopic(people.ada.id)])
    one = open_(SessionTopic(number), people.ada)
    for page in (both, one):
        assert page.shows("Stop charging", in_="stop")
    both.close()
    eventually(lambda: list(hub._subscriptions) == [SessionTopic(number)])
    charging.meter(number, 3000)
    assert one.shows("2.00", in_="live")


def test_cut_connections_mended_under_churn(open_: Open, people, charging, redis_url: str) -> None:
    number = charging.start(people.ada.id_tag)
    with closing(open_(SessionTopic(number), people.ada)) as stays, redis.Redis.from_url(redis_url) as valkey:
        assert stays.shows("Stop charging")
        for _ in range(20):
            comes_and_goes = [open_(SessionTopic(n), people.ada) for n in range(100, 110)]
            valkey.client_kill_filter(_type="pubsub")
            for page in comes_and_goes:
                page.close()
        charging.meter(number, 2000)
        assert stays.shows("1.00", in_="live")
        charging.meter(number, 3000)
        assert stays.shows("2.00", in_="live")


@pytest.mark.parametrize(
    "odd", [b"", b"{}", b'{"data": {}, "type": "something.new"}', b'{"data": {"session": "x"}}', b"[]"]
)
def test_malformed_message_ignored(open_: Open, people, charging, redis_url: str, odd: bytes) -> None:
    number = charging.start(people.ada.id_tag)
    with closing(open_(SessionTopic(number), people.ada)) as page, redis.Redis.from_url(redis_url) as valkey:
        assert page.shows("Stop charging")
        for channel in (f"session:{number}", f"account:{people.ada.id}"):
            eventually(lambda channel=channel: valkey.publish(channel, odd) == 1)  # once it is listened to
        charging.meter(number, 2000)
        assert page.shows("1.00", in_="live")


def read_anew(hub: Hub) -> None:
    """Read everything that is watched, as the clock does now and then."""
    with hub._lock:
        for subscription in hub._subscriptions.values():
            hub._render_queue.mark(subscription, WHOLE)


def test_each_language_read_and_rendered_by_itself(hub: Hub, open_: Open, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    english, german = SessionTopic(number), SessionTopic(number)
    german.language = "de"
    pages = [open_(topic, people.ada) for topic in (english, german, english)]
    charging.meter(number, 1_012_340)

    assert pages[0].shows("12.34")
    assert pages[1].shows("12,34")
    assert pages[2].shows("12.34")
