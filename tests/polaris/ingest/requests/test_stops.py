"""Stop requests as rows: who may ask, one at a time, claimed once, answered or run out, whatever dies meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from polaris import models, pubsub
from polaris.domain.commands.catalog import StopCharging
from polaris.domain.enums import RequestEvent
from polaris.domain.facts import ChargerConnected, ChargerDisconnected
from polaris.ingest import ClaimedCommand, CommandResult, Refusal
from polaris.models import Account, AuditEntry, Charger, StopRequest
from polaris.pubsub import RequestKind
from tests.support.ingest_cast import Cast, at, session, stop_states
from tests.support.valkey import Valkey
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases


@pytest.fixture
def bridge(cast: Cast, redis_url: str):
    """A subscription to the charger's commands, as the bridge that holds it has one."""
    import redis

    client = redis.Redis.from_url(redis_url)
    subscription = client.pubsub(ignore_subscribe_messages=True)
    subscription.subscribe(pubsub.commands_channel("depot-7"))
    eventually(lambda: client.pubsub_numsub(pubsub.commands_channel("depot-7"))[0][1] == 1)
    yield lambda: pubsub.decode(eventually(lambda: subscription.get_message(timeout=1))["data"])
    subscription.close()
    client.close()


def claim(cast: Cast, request_id: int, seconds: float, connection_id: str = "c-1") -> ClaimedCommand | None:
    return cast.ingest.claim(RequestKind.STOP, request_id, cast.charger, connection_id, at(seconds))


def record(cast: Cast, request_id: int, event: RequestEvent, seconds: float) -> None:
    cast.ingest.record(RequestKind.STOP, request_id, CommandResult(event), at(seconds))


def test_stop_published_as_id(cast: Cast, bridge) -> None:
    number = cast.start().number
    revision = session(number).revision
    assert cast.ingest.request_stop(number, cast.ada, at(1)) is None
    assert session(number).revision == revision + 1
    command = bridge()
    assert (command.kind, list(command.data)) == ("command.stop", ["stop_request"])
    with models.database.connection_context():
        assert [(entry.actor, entry.action) for entry in AuditEntry.select()] == [("ada@example.com", "stop.requested")]


@pytest.mark.field(93)
def test_second_click_same_request(cast: Cast, bridge) -> None:
    number = cast.start().number
    for seconds in (1, 2, 3):
        assert cast.ingest.request_stop(number, cast.ada, at(seconds)) is None
    assert stop_states(number) == ["requested"]


@pytest.mark.parametrize("who", ["ben", "nobody"])
def test_only_owner_or_operator(cast: Cast, bridge, who: str) -> None:
    number = cast.start().number
    account_id = {"ben": cast.ben, "nobody": 4711}[who]
    assert cast.ingest.request_stop(number, account_id, at(1)) is Refusal.NOT_FOUND
    assert stop_states(number) == []
    assert cast.ingest.request_stop(number, cast.olga, at(1)) is None


@pytest.mark.parametrize("status", ["stopped", "suspended"])
def test_inactive_account_refused(cast: Cast, status: str) -> None:
    number = cast.start().number
    with models.database.connection_context():
        Account.update(status=status).execute()
    assert cast.ingest.request_stop(number, cast.ada, at(1)) is Refusal.ACCOUNT_INACTIVE


def test_ended_session_refused(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.ended(number, 5, 2000))
    assert cast.ingest.request_stop(number, cast.ada, at(6)) is Refusal.SESSION_ENDED
    assert cast.ingest.request_stop(number, cast.ben, at(6)) is Refusal.NOT_FOUND


@pytest.mark.field(92)
def test_disconnected_charger_offline_at_once(cast: Cast) -> None:
    number = cast.start().number
    assert cast.ingest.request_stop(number, cast.ada, at(1)) is None
    assert stop_states(number) == ["offline"]
    assert cast.ingest.request_stop(number, cast.ada, at(2)) is Refusal.COOLING_DOWN
    assert cast.ingest.request_stop(number, cast.ada, at(11.5)) is None


def test_redis_down_is_failed_not_offline(cast: Cast, valkey: Valkey) -> None:
    number = cast.start().number
    valkey.stop()
    assert cast.ingest.request_stop(number, cast.ada, at(1)) is None
    assert stop_states(number) == ["failed"]


def test_claimed_by_one_bridge(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    request_id = bridge().data["stop_request"]
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim(cast, request_id, 2), range(8)))
    assert sorted(claims, key=str) == [ClaimedCommand(request_id, StopCharging(), number, None), *[None] * 7]


def test_not_sent_late_or_by_another_charger(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    request_id = bridge().data["stop_request"]
    assert cast.ingest.claim(RequestKind.STOP, request_id, cast.other_charger, "c-1", at(2)) is None
    assert (
        cast.ingest.claim(RequestKind.STOP, request_id, cast.charger, "c-0", at(2)) is None
    )  # a connection that was replaced
    assert claim(cast, request_id, 500) is None
    assert claim(cast, request_id + 1, 2) is None


def test_late_yes_after_timeout_counts(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(0))
    request_id = bridge().data["stop_request"]
    claim(cast, request_id, 1)
    cast.ingest.sweep(at(19))
    assert stop_states(number) == ["sent"]
    cast.ingest.sweep(at(20))
    assert stop_states(number) == ["timed_out"]
    record(cast, request_id, RequestEvent.ACCEPTED, 25)
    assert stop_states(number) == ["accepted"]
    cast.store(cast.ended(number, 30, 2000))
    assert stop_states(number) == ["completed"]
    record(cast, request_id, RequestEvent.REJECTED, 31)
    assert stop_states(number) == ["completed"]


def test_press_after_unswept_timeout(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(0))
    first = bridge().data["stop_request"]
    assert cast.ingest.request_stop(number, cast.ada, at(25)) is Refusal.COOLING_DOWN
    assert cast.ingest.request_stop(number, cast.ada, at(300)) is None
    assert stop_states(number) == ["timed_out", "requested"]
    assert bridge().data["stop_request"] == first + 1


def test_late_news_never_reopens_old_request(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(0))
    old = bridge().data["stop_request"]
    claim(cast, old, 1)
    cast.ingest.sweep(at(20))
    cast.ingest.request_stop(number, cast.ada, at(31))
    record(cast, old, RequestEvent.ACCEPTED, 32)
    assert stop_states(number) == ["timed_out", "requested"]


@pytest.mark.field(89)
def test_accepted_without_end_asked_again(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(0))
    request_id = bridge().data["stop_request"]
    claim(cast, request_id, 1)
    record(cast, request_id, RequestEvent.ACCEPTED, 2)
    cast.ingest.sweep(at(62))
    assert stop_states(number) == ["requested"]
    assert bridge().data["stop_request"] == request_id
    claim(cast, request_id, 63)
    record(cast, request_id, RequestEvent.ACCEPTED, 64)
    cast.ingest.sweep(at(124))
    assert stop_states(number) == ["overdue"]
    cast.store(cast.ended(number, 200, 2000))
    assert stop_states(number) == ["completed"]


def test_rejection_stays_on_record(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(0))
    request_id = bridge().data["stop_request"]
    claim(cast, request_id, 1)
    record(cast, request_id, RequestEvent.REJECTED, 2)
    cast.store(cast.ended(number, 200, 2000))
    assert stop_states(number) == ["rejected"]


def test_many_clicks_one_request(cast: Cast, bridge) -> None:
    number = cast.start().number
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: cast.ingest.request_stop(number, cast.ada, at(i / 100)), range(8)))
    assert len(stop_states(number)) == 1
    with models.database.connection_context():
        assert StopRequest.select().count() == 1


def test_chargers_locked_in_one_order(cast: Cast) -> None:
    with models.database.connection_context():
        ids = [Charger.create(identity=f"c-{n}", name="", site=1, key_hash="", key_version=1).id for n in range(60)]
    cast.ingest.renew_lease("bridge-2", at(0))

    def connect_all(round_: int) -> None:
        facts = [
            ChargerConnected(charger_id=i, received_at=at(0), bridge_id="bridge-2", connection_id="x", protocol="")
            for i in ids
        ]
        cast.ingest.store(facts, at(round_))

    work = [lambda: cast.ingest.touch(ids[::-1], at(1)), lambda: connect_all(1), lambda: cast.ingest.touch(ids, at(2))]
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(task) for task in work * 8]:
            assert done.result() is not False


def test_newest_connection_owns_charger(cast: Cast) -> None:
    def connect(connection_id: str) -> None:
        cast.store(
            ChargerConnected(
                charger_id=cast.charger, received_at=at(1), bridge_id="bridge-1", connection_id=connection_id,
                protocol="ocpp1.6",
            )
        )  # fmt: skip

    def held() -> str | None:
        with models.database.connection_context():
            return Charger.get_by_id(cast.charger).connection_id

    connect("c-2")
    cast.store(ChargerDisconnected(charger_id=cast.charger, received_at=at(2), connection_id="c-1"))
    assert held() == "c-2"
    cast.store(ChargerDisconnected(charger_id=cast.charger, received_at=at(3), connection_id="c-2"))
    assert held() is None


def test_stopping_bridge_releases_chargers(cast: Cast) -> None:
    number = cast.start().number
    revision = session(number).revision
    cast.ingest.end_lease("bridge-1", at(5))
    with models.database.connection_context():
        assert Charger.get_by_id(cast.charger).connection_id is None
    assert session(number).revision == revision + 1


def times(number: int) -> list[tuple[float | None, float | None]]:
    """When each stop of a session was sent, and answered, in seconds."""
    with models.database.connection_context():
        rows = list(StopRequest.select().where(StopRequest.session == number).order_by(StopRequest.id))
    assert all((row.charger_id is None) is (row.sent_at is None) for row in rows)
    return [
        tuple(moment and (moment - at(0)).total_seconds() for moment in (row.sent_at, row.answered_at)) for row in rows
    ]


def test_first_sending_and_answer_kept(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    assert times(number) == [(None, None)]
    for sent, answered in ((2, 5), (66, 68)):
        assert claim(cast, 1, sent) is not None
        record(cast, 1, RequestEvent.ACCEPTED, answered)
        cast.ingest.sweep(at(answered + 60))
    assert times(number) == [(2, 5)]
    assert stop_states(number) == ["overdue"]


def test_answer_overtaken_by_end_kept(cast: Cast, bridge) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    claim(cast, 1, 2)
    cast.store(cast.ended(number, 3, 2000), seconds=3)
    record(cast, 1, RequestEvent.ACCEPTED, 4)
    assert times(number) == [(2, 4)]
    assert stop_states(number) == ["completed"]


@pytest.mark.parametrize("event", [RequestEvent.DISCONNECTED, RequestEvent.DEADLINE])
def test_no_answer_has_no_time(cast: Cast, bridge, event: RequestEvent) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, at(1))
    claim(cast, 1, 2)
    record(cast, 1, event, 40)
    assert times(number) == [(2, None)]
