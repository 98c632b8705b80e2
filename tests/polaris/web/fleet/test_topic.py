"""The fleet as it is pushed: a change reaches those who look at it, in the smallest piece, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from flask import Flask
from peewee import OperationalError

from polaris import administration, models, pubsub
from polaris.domain.enums import AccountStatus, Role
from polaris.domain.facts import ChargerConnected, ChargerDisconnected, ConnectorStatusChanged
from polaris.domain.fleet_query import Query
from polaris.domain.viewer import Viewer
from polaris.ingest import Ingest
from polaris.models import Charger, ChargingSession, Connector
from polaris.pubsub import PubSubMessage
from polaris.push.hub import Hub
from polaris.push.redis_listener import RedisListener
from polaris.push.subscribers import Audience, Subscription
from polaris.push.topic import Change
from polaris.services import NAME
from polaris.web.fleet import refresher
from polaris.web.fleet import topic as fleet_topic
from polaris.web.fleet.refresher import FleetRefresher
from polaris.web.fleet.topic import FleetTopic
from polaris.web.fleet.view import PAGE_ROWS
from tests.support.cast import ACTOR, Cast, now
from tests.support.charging import Charging
from tests.support.pages import StreamClient, direct
from tests.support.valkey import Valkey
from tests.support.wait import WITHIN_S, eventually

STALE = timedelta(seconds=150)
NEVER = 1_000_000  # times the length of a reading: nobody waits for so long
NOBODY = 4711  # a charger that is not there


@pytest.fixture
def board(app: Flask, hub: Hub) -> Iterator[FleetRefresher]:
    board = FleetRefresher(STALE, app.extensions[NAME].config.reread_s, hub.listener)
    yield board
    board.close()


@pytest.fixture
def watch(hub: Hub, board: FleetRefresher, people: Cast) -> Iterator[Callable[..., StreamClient]]:
    """Open the fleet's page, with a filter, as Olga; it shows the present state, and nothing is still to come of that.

    A `late` page is not waited for any longer than until it shows something.
    """
    with ExitStack() as opened:

        def open_page(*, late: bool = False, **query: str) -> StreamClient:
            topic = FleetTopic(Query.of(query), board)
            page = opened.enter_context(closing(StreamClient(hub, topic, people.olga, direct, role=Role.OPERATOR)))
            assert page.shows("Online", in_="fleet-strip")
            if not late:
                eventually(lambda: is_at_rest(hub, board) and (page.take_all() or is_at_rest(hub, board)))
            return page

        yield open_page


def is_at_rest(hub: Hub, board: FleetRefresher) -> bool:
    """Whether the hub listens to all that is watched, and whatever had to be read for that was."""
    with hub._lock:
        is_read = not any(watched.changes or watched.is_queued for watched in hub._subscriptions.values())
        is_heard = not any(map(hub.listener.will_confirm, hub.listener._wanted)) and hub.listener._is_up
        return is_read and is_heard and board._snapshot is not None and not board._must_load


def hear_out(app: Flask, reads: list[tuple[set[int], set[int]]]) -> None:
    """Wait until the board has read everything that was announced up to now: what is announced last comes last."""
    app.extensions[NAME].publisher.announce(pubsub.charger_changed(NOBODY))
    eventually(lambda: any(NOBODY in chargers for _, chargers in reads))


def read_anew(hub: Hub) -> None:
    """Read everything that is watched, as after a break of the Redis connection."""
    for consumer in hub.listener._consumers:
        consumer.on_confirmed(pubsub.ALL_CHARGERS)


def ignore(change: Change) -> None:
    """Follow nothing of it."""


def row_id(charging: Charging, connector: int = 1) -> str:
    return f"connector-{charging.charger.id}-{connector}"


def fault(charging: Charging, code: str = "GroundFailure") -> None:
    charging._store(
        ConnectorStatusChanged(
            connector=1, status="Faulted", error_code=code, info="", at=datetime.now(UTC), **charging._base()
        )
    )


def others(count: int) -> list[int]:
    """Chargers that are connected and free."""
    with models.database.atomic():
        made = [
            Charger.create(
                identity=f"other-{number}",
                name=f"Bay {number}",
                site=1,
                key_hash="",
                key_version=1,
                bridge="bridge-of-tests",
                connection_id="1",
                last_contact_at=now(),
            )
            for number in range(1, count + 1)
        ]
        for charger in made:
            Connector.create(charger=charger, number=1, status="Available", changed_at=now())
    return [charger.id for charger in made]


@pytest.mark.both_databases
def test_whole_page_then_changed_rows(watch, people: Cast, charging: Charging) -> None:
    charging.status("Available")
    with models.database.connection_context():
        others(5)
    page = watch(order="name")
    assert set(page.shown) == {"fleet-strip", "fleet-filters", "fleet-found", "fleet-pages", "fleet-list"}
    page.shown.clear()
    number = charging.start(people.ada.id_tag)
    charging.status("Charging")
    charging.meter(number, 3500, power_w=7200)
    assert page.shows("7.2", in_=row_id(charging))
    assert page.shows("7.2", in_="fleet-strip")
    assert set(page.shown) == {row_id(charging), "fleet-strip"}


def test_fault_moves_to_top(watch, charging: Charging) -> None:
    charging.status("Available")
    with models.database.connection_context():
        others(5)
    page = watch()
    assert page.shown["fleet-list"].index(row_id(charging)) > page.shown["fleet-list"].index('id="connector-2-1"')
    fault(charging)
    assert page.shows("GroundFailure", in_="fleet-list")
    assert page.shown["fleet-list"].index(row_id(charging)) < page.shown["fleet-list"].index('id="connector-2-1"')
    assert page.shows("1 faulted", in_="fleet-strip")


def test_disconnect_and_return(watch, charging: Charging) -> None:
    charging.status("Available")
    page = watch()
    charging._store(ChargerDisconnected(connection_id="1", **charging._base()))
    assert page.shows("1 offline", in_="fleet-strip")
    assert page.shows("Offline")
    charging._store(
        ChargerConnected(bridge_id="bridge-of-tests", connection_id="2", protocol="ocpp1.6", **charging._base())
    )
    assert page.shows("0 offline", in_="fleet-strip")


def test_dead_bridge_offline_after_lease(watch, ingest: Ingest, app: Flask, charging: Charging) -> None:
    charging.status("Available")
    ingest.renew_lease("bridge-of-tests", now() - timedelta(seconds=app.extensions[NAME].config.lease_s - 8))
    page = watch()
    assert page.shows("0 offline", in_="fleet-strip")
    assert page.shows("1 offline", in_="fleet-strip")  # no hint, no re-read: the clock alone


def test_renewed_lease_changes_nothing(watch, ingest: Ingest, app: Flask, charging: Charging) -> None:
    charging.status("Available")
    ends_at = now() + timedelta(seconds=8)
    ingest.renew_lease("bridge-of-tests", ends_at - timedelta(seconds=app.extensions[NAME].config.lease_s))
    page = watch()
    assert "0 offline" in page.shown["fleet-strip"]
    ingest.renew_lease("bridge-of-tests", now())
    eventually(lambda: page.take() or now() > ends_at + timedelta(seconds=2))
    assert [html for html in page.everything if "1 offline" in html] == []


def test_filtered_row_leaves_page(watch, charging: Charging, people: Cast) -> None:
    charging.status("Available")
    free, in_session = watch(state="Available"), watch(state="session")
    assert "Depot 7" in free.shown["fleet-list"]
    assert "No matching chargers." in in_session.shown["fleet-list"]
    charging.start(people.ada.id_tag)
    charging.status("Charging")
    assert in_session.shows("Depot 7", in_="fleet-list")
    assert free.shows("No matching chargers.", in_="fleet-list")


def test_ten_filters_each_get_theirs(watch, ingest: Ingest, people: Cast, charging) -> None:
    with models.database.connection_context():
        ids = others(10)
        Charger.update(name=Charger.identity).execute()
    pages = [watch(text=f"other-{number}", order="name") for number in range(1, 11)]
    for charger_id in ids:
        say(ingest, charger_id, "Finishing")
    for number, page in enumerate(pages, start=1):
        assert page.shows("Waiting to be unplugged")
        everything = "".join(page.shown.values())
        seen = {n for n in range(1, 11) if f">other-{n}<" in everything}
        assert seen == ({1, 10} if number == 1 else {number})  # which finds other-10 as well


def test_only_visible_rows_pushed(watch, ingest: Ingest, people: Cast, charging: Charging) -> None:
    with models.database.connection_context():
        ids = others(PAGE_ROWS * 2)
    first, second = watch(order="name"), watch(order="name", page="2")
    first.shown.clear()
    beyond = ids[PAGE_ROWS + 10]
    say(ingest, beyond, "Reserved")
    assert second.shows("Reserved", in_=f"connector-{beyond}-1")
    say(ingest, ids[3], "Finishing")  # on the first page, and later
    assert first.shows("Finishing", in_=f"connector-{ids[3]}-1")
    assert set(first.shown) == {f"connector-{ids[3]}-1"}


def say(ingest: Ingest, charger_id: int, status: str) -> None:
    fact = ConnectorStatusChanged(
        charger_id=charger_id, received_at=now(), connector=1, status=status, error_code="", info="", at=now()
    )
    ingest.store([fact], now())


def test_ten_pages_share_one_read(watch, app: Flask, monkeypatch, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    pages = [watch(text=text) for text in ("", "d", "de", "dep", "depo", "depot", "7", "ada", "#", "-7")]
    reads: list[tuple[set[int], set[int]]] = []
    refresh = refresher._refresh
    monkeypatch.setattr(refresher, "_refresh", lambda *args: (reads.append(args[1:]), refresh(*args))[1])
    hear_out(app, reads)
    reads.clear()
    charging.meter(number, 3500)
    for page in pages:
        assert page.shows("2.50")
    hear_out(app, reads)
    assert [sessions for sessions, _ in reads if sessions] == [{number}]


def test_changes_batched_each_second(watch, monkeypatch, people: Cast, charging: Charging) -> None:
    number = charging.start(people.ada.id_tag)
    with models.database.connection_context():
        others(3)
    page = watch()
    instants: list[float] = []
    told: list[float] = []  # by the clock that the board itself reads
    refresh, clock = refresher._refresh, refresher.monotonic
    monkeypatch.setattr(refresher, "monotonic", lambda: (told.append(clock()), told[-1])[1])
    monkeypatch.setattr(refresher, "_refresh", lambda *args: (instants.append(told[-1]), refresh(*args))[1])
    for register_wh in range(1100, 4100, 100):
        charging.meter(number, register_wh)
    assert page.shows("3.00", in_=row_id(charging))
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    assert all(gap >= refresher.PACE_S * 0.99 for gap in gaps), gaps


def test_returning_state_sent_again(watch, hub: Hub, people: Cast, charging: Charging) -> None:
    """Rows go out by themselves and in the list: neither may hide that the other went out last."""
    charging.status("Available")
    with models.database.connection_context():
        ids = others(3)
    page = watch(order="name")
    browser = {"row": ""}

    def shows(text: str) -> bool:
        page.shown = {}
        page.take()
        for root_id, html in page.shown.items():
            if root_id in ("fleet-list", row_id(charging)):
                browser["row"] = html.partition(f'id="{row_id(charging)}"')[2].partition("</tr>")[0]
        return text in browser["row"]

    for status, word in (("Reserved", "Reserved"), ("Available", "Free"), ("Reserved", "Reserved")):
        charging.status(status)
        eventually(lambda word=word: shows(word))
    with models.database.connection_context():
        Connector.update(status="Available").where(Connector.charger == charging.charger.id).execute()
        Charger.create(identity="a-new-one", name="A new one", site=1, key_hash="", key_version=1)
    read_anew(hub)  # a hint was lost: the list goes out as a whole, with the row as it was before
    eventually(lambda: shows("Free"))
    charging.status("Reserved")
    eventually(lambda: shows("Reserved"))
    assert ids


@pytest.mark.both_databases
def test_lost_notification_recovered_on_reread(watch, hub: Hub, charging: Charging) -> None:
    charging.status("Available")
    page = watch()
    with models.database.connection_context():
        Connector.update(status="Faulted", error_code="OverVoltage").execute()
    read_anew(hub)
    assert page.shows("OverVoltage")


def test_lost_notification_recovered_while_redrawn(app: Flask, hub: Hub, people: Cast, charging: Charging) -> None:
    """The hub takes a list that was drawn as a whole for one that was read anew; the board has a clock of its own."""
    charging.status("Available")
    board = FleetRefresher(STALE, 1.0, hub.listener)
    topic = FleetTopic(Query(), board)
    with closing(board), closing(StreamClient(hub, topic, people.olga, direct, role=Role.OPERATOR)) as page:
        assert page.shows("Free")
        with models.database.connection_context():
            Connector.update(status="Faulted", error_code="OverVoltage").execute()
        assert page.shows("OverVoltage")


def test_recovers_after_redis_outage(watch, charging: Charging, valkey: Valkey) -> None:
    charging.status("Available")
    page = watch()
    valkey.stop()
    fault(charging)
    valkey.start()
    assert page.shows("GroundFailure")


def test_failed_read_followed_by_whole(watch, monkeypatch, people: Cast, charging) -> None:
    """Parts were let go of before the reading broke off: nothing is shown of what is left."""
    number = charging.start(people.ada.id_tag)
    page = watch()
    page.shown.clear()
    failures = iter([OperationalError("away"), ValueError("odd")])

    def fail_first(state, *args):
        for failure in failures:
            state._rows.clear()
            raise failure
        return state.load(now())

    monkeypatch.setattr(refresher, "_refresh", fail_first)
    monkeypatch.setattr(refresher, "_load", fail_first)
    monkeypatch.setattr(refresher, "LOAD_INTERVAL_FACTOR", NEVER)  # for those that work
    charging.meter(number, 3500)
    assert page.shows("2.50")
    assert "No chargers yet." not in "".join(page.shown.values())


def test_page_opens_while_redis_is_down(watch, charging: Charging, valkey: Valkey) -> None:
    fault(charging)
    valkey.stop()
    assert "GroundFailure" in watch(late=True).shown["fleet-list"]


def test_polling_gets_whole_page(hub, board, app: Flask, charging) -> None:
    charging.status("Available")
    with app.test_request_context():
        viewer = Viewer(Role.OPERATOR, AccountStatus.ACTIVE)
        answer = hub.snapshot(FleetTopic(Query.of({"text": "depot"}), board), viewer)
    assert 'hx-target="#fleet-list"' in answer
    assert row_id(charging) in answer


def test_board_dropped_without_viewers(charging: Charging, redis_url: str) -> None:
    charging.status("Available")
    board = FleetRefresher(STALE, 60, RedisListener(redis_url))
    with closing(board):
        assert board.snapshot(reload=True) is None
        assert board._thread is None  # nobody would tell it what changes
        for _ in range(2):
            board.follow("a page", ignore)
            assert board.snapshot() is None
            eventually(board.snapshot)
            board.unfollow("a page")
            assert board.snapshot() is None
            eventually(lambda: board._thread is None)


def test_read_in_flight_not_shown_to_next_viewer(monkeypatch, charging: Charging, redis_url: str) -> None:
    board, goes_on, has_begun = (
        FleetRefresher(STALE, 60, RedisListener(redis_url)),
        threading.Event(),
        threading.Event(),
    )
    load, shown = refresher._load, []

    def slow_load(state):
        snapshot = load(state)
        has_begun.set()
        assert goes_on.wait(WITHIN_S)
        shown.append(snapshot)
        return snapshot

    monkeypatch.setattr(refresher, "_load", slow_load)
    monkeypatch.setattr(refresher, "LOAD_INTERVAL_FACTOR", NEVER)  # the next one has not been read for yet
    with closing(board):
        board.follow("a page", ignore)
        board.snapshot()
        assert has_begun.wait(WITHIN_S)
        board.unfollow("a page")
        board.follow("a page", ignore)
        goes_on.set()
        eventually(board.snapshot)
        assert board.snapshot() is not shown[0]


def test_returning_viewer_sees_no_old_state(watch, board: FleetRefresher, charging: Charging) -> None:
    """The page itself was drawn since: the stream would take it backwards."""
    charging.status("Available")
    page = watch()
    page.close()
    eventually(lambda: not board._followers)
    fault(charging)
    again = watch()
    assert [html for html in again.everything if "Free" in html] == []
    assert "GroundFailure" in again.shown["fleet-list"]


def test_noted_overflow_reads_whole(hub: Hub) -> None:
    board = FleetRefresher(STALE, 60, hub.listener)
    board.follow("a page", ignore)
    for number in range(refresher.MAX_PENDING + 10):
        board.on_message(pubsub.ALL_SESSIONS, PubSubMessage(pubsub.SESSION_CHANGED, {"session": number}))
        assert len(board._sessions) <= refresher.MAX_PENDING
    is_load, sessions, *_ = board._take()
    assert (is_load, len(sessions)) == (True, 9)


def test_demoted_operator_stream_ends(watch, app: Flask, people: Cast, charging: Charging) -> None:
    page = watch()
    announcer = app.extensions[NAME].publisher
    with models.database.connection_context():
        models.Account.update(role=Role.DRIVER).where(models.Account.id == people.olga.id).execute()
    administration.set_account_status(announcer, people.olga.email, AccountStatus.ACTIVE, actor=ACTOR, now=now())
    assert page.ends()


@pytest.mark.both_databases
def test_cache_equals_first_read(watch, board: FleetRefresher, people: Cast, charging: Charging) -> None:
    """Whatever happened, hint by hint, the board ends where reading everything ends."""
    with models.database.connection_context():
        others(4)
    page = watch(order="name")
    first = charging.start(people.ada.id_tag)
    charging.meter(first, 2500, power_w=3000)
    charging.status("SuspendedEV")
    second = charging.start(people.ben.id_tag, connector=2)
    charging.end(first, 6000)
    third = charging.start(people.ada.id_tag)
    charging.meter(third, 9000, power_w=11_000)
    charging.end(second, 1500)
    charging.status("Charging")
    assert page.shows("11.0", in_="strip")
    whole = fleet_topic.page(Query.of({"order": "name"}), now(), STALE)

    def is_same() -> bool:
        snapshot = board.snapshot()
        assert snapshot is not None
        kept = snapshot.page(Query.of({"order": "name"}))
        assert (kept.rows, kept.strip) == (whole.rows, whole.strip)
        return True

    eventually(is_same)
    assert ChargingSession.select().count() == 3


@pytest.mark.both_databases
def test_whole_read_forgets_absent_rows(hub: Hub, board: FleetRefresher) -> None:
    """A row that went out by itself, then in the list as it was before: the next time it is news again."""
    audience = Audience(Subscription(1, FleetTopic(Query(), board)), Viewer(Role.OPERATOR, AccountStatus.ACTIVE))
    assert audience.show({"fleet-list": "a"}, is_whole=True)
    assert audience.show({"connector-1-1": "new"}, is_whole=False)
    assert audience.show({"fleet-list": "b"}, is_whole=True)
    assert audience.show({"connector-1-1": "new"}, is_whole=False)


def test_saved_filter_reaches_open_pages(app: Flask, watch, charging: Charging) -> None:
    page = watch()
    administration.save_filter("Faults", "state=Faulted", actor=ACTOR, now=now())
    app.extensions[NAME].publisher.announce(pubsub.records_changed())
    assert page.shows("Faults", in_="fleet-filters")
