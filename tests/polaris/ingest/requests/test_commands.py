"""Commands as rows: who may send one, once, with what kept of it; bounds, notifications, and what comes late."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis

from polaris import models, pubsub
from polaris.domain.commands import catalog as kinds
from polaris.domain.enums import CommandState, RequestEvent
from polaris.domain.facts import ChargerConnected
from polaris.ingest import ClaimedCommand, CommandRefusal, CommandResult, Interrupts, RequestTerms
from polaris.ingest.requests.commands import MAX_ANSWER_LENGTH, MAX_KEPT
from polaris.models import AuditEntry, Charger, Command
from polaris.pubsub import RequestKind
from tests.support.ingest_cast import Cast, at, session
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases

ACCEPTED = CommandResult(RequestEvent.ACCEPTED, "Accepted", {"status": "Accepted"})


@pytest.fixture
def bridge(cast: Cast, redis_url: str) -> Iterator[Any]:
    """A subscription to the charger's commands and to the operators' notifications."""
    client = redis.Redis.from_url(redis_url)
    subscription = client.pubsub(ignore_subscribe_messages=True)
    channels = [pubsub.commands_channel("depot-7"), pubsub.ALL_CHARGERS]
    subscription.subscribe(*channels)
    eventually(lambda: all(count for _, count in client.pubsub_numsub(*channels)))

    yield subscription
    subscription.close()
    client.close()


def asked(cast: Cast, wanted: kinds.ChargerCommand, seconds: float = 1) -> int:
    made = cast.ingest.request_command("depot-7", wanted, "olga@example.com", at(seconds))
    assert isinstance(made, int), made
    return made


def claimed(cast: Cast, command_id: int, seconds: float = 2, connection_id: str = "c-1") -> ClaimedCommand | None:
    return cast.ingest.claim(RequestKind.COMMAND, command_id, cast.charger, connection_id, at(seconds))


def state(cast: Cast, command_id: int, seconds: float = 3) -> CommandState:
    found = cast.ingest.command(command_id, at(seconds))
    assert found is not None
    return found.state


def row(command_id: int) -> Command:
    with models.database.connection_context():
        return Command.get_by_id(command_id)


def test_command_audited_and_published_as_id(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.Reset(is_hard=True))
    with models.database.connection_context():
        entries = [(e.actor, e.action, e.target, e.detail) for e in AuditEntry.select()]
    assert entries == [("olga@example.com", "command.requested", "depot-7", 'reset {"is_hard":true}')]
    heard: list[pubsub.PubSubMessage] = []
    sent = pubsub.PubSubMessage("command.any", {"command": made})
    notification = pubsub.PubSubMessage("command.changed", {"charger": cast.charger, "command": made})
    eventually(lambda: _hear(bridge, heard) and sent in heard and notification in heard)


def test_claimed_once(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.Reset())
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: claimed(cast, made), range(8)))
    assert len([one for one in results if one is not None]) == 1
    kept = row(made)
    assert (kept.state, kept.connection_id, kept.bridge_id, kept.sent_at) == ("sent", "c-1", "bridge-1", at(2))


def test_not_for_another_charger_or_time(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.Reset())
    assert cast.ingest.claim(RequestKind.COMMAND, made, cast.other_charger, "c-1", at(2)) is None
    assert claimed(cast, made, connection_id="c-0") is None
    assert claimed(cast, made, seconds=1000) is None
    assert claimed(cast, made + 1) is None
    newer = ChargerConnected(
        charger_id=cast.charger, received_at=at(2), bridge_id="bridge-1", connection_id="c-2", protocol="ocpp1.6"
    )
    cast.store(newer)
    assert claimed(cast, made) is None
    assert claimed(cast, made, connection_id="c-2") is not None


def test_expires_for_readers_before_sweep(cast: Cast, bridge: Any) -> None:
    unsent, sent = asked(cast, kinds.Reset()), asked(cast, kinds.Reset())
    claimed(cast, sent)
    assert [state(cast, one, 1000) for one in (unsent, sent)] == [CommandState.TIMED_OUT, CommandState.UNKNOWN]
    assert [row(one).state for one in (unsent, sent)] == ["requested", "sent"]
    for _ in range(2):
        cast.ingest.sweep(at(1000))
        assert [row(one).state for one in (unsent, sent)] == ["timed_out", "unknown"]
    cast.ingest.record(RequestKind.COMMAND, sent, ACCEPTED, at(1001))  # late, and it still counts
    assert state(cast, sent) is CommandState.ACCEPTED
    cast.ingest.record(RequestKind.COMMAND, unsent, CommandResult(RequestEvent.NO_ANSWER), at(1001))
    assert state(cast, unsent) is CommandState.TIMED_OUT


def test_first_answer_stands(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.Reset())
    claimed(cast, made)
    cast.ingest.record(RequestKind.COMMAND, made, CommandResult(RequestEvent.REJECTED, "Rejected"), at(3))
    cast.ingest.record(RequestKind.COMMAND, made, ACCEPTED, at(4))
    assert (row(made).state, row(made).status, row(made).answered_at) == ("rejected", "Rejected", at(3))


def test_answer_bounded(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.GetConfiguration())
    claimed(cast, made)
    answer = {"configurationKey": [{"key": "\0" * 100, "value": "\ud800ä"}] * 10_000}
    cast.ingest.record(RequestKind.COMMAND, made, CommandResult(RequestEvent.ACCEPTED, "x" * 5000, answer), at(3))
    found = cast.ingest.command(made, at(3))
    assert found is not None
    assert list(found.answer) == ["beginning"]
    assert len(row(made).answer) <= MAX_ANSWER_LENGTH
    assert len(row(made).status) == 255


def test_commands_per_charger_bounded(cast: Cast, bridge: Any) -> None:
    values = {"charger": cast.charger, "kind": "reset", "arguments": "{}", "state": "accepted", "requested_by": "olga"}
    values |= {"requested_at": at(0), "deadline_at": at(0)}
    with models.database.connection_context():
        Command.insert_many([values] * (MAX_KEPT + 20)).execute()
        Command.insert_many([values | {"charger": cast.other_charger}]).execute()
    made = asked(cast, kinds.Reset())
    assert len(cast.ingest.latest_commands("depot-7", at(2), limit=10_000)) == MAX_KEPT
    assert cast.ingest.latest_commands("depot-7", at(2), limit=1)[0].id == made
    assert len(cast.ingest.latest_commands("depot-8", at(2))) == 1


def test_v16_start_matched_by_card_place_time(cast: Cast, bridge: Any) -> None:
    def start(seconds: float, **wanted: Any) -> int:
        made = asked(cast, kinds.StartCharging(**wanted), seconds)
        claimed(cast, made, seconds)
        cast.ingest.record(RequestKind.COMMAND, made, ACCEPTED, at(seconds))
        assert row(made).state == "promised"
        return made

    made = start(10, id_tag="ada-1", connector=2)
    cast.start(connector=1, seconds=11)  # on another connector
    cast.start(connector=2, id_tag="BEN-1", seconds=12)  # with another card
    long_ago = at(12) - timedelta(hours=2)
    cast.start(connector=2, seconds=13, at=long_ago)  # queued while it was offline
    assert row(made).state == "promised"
    began = cast.start(connector=2, seconds=14)
    assert (row(made).state, row(made).session_id) == ("accepted", began.number)
    second = start(20, id_tag="ADA-1")
    again = cast.start(connector=3, seconds=21)
    assert (row(second).state, row(second).session_id) == ("accepted", again.number)
    assert row(made).session_id == began.number  # one session for each
    overtaken = asked(cast, kinds.StartCharging("BEN-1", 5), 25)
    claimed(cast, overtaken, 25)
    cast.start(connector=5, id_tag="BEN-1", seconds=26)
    assert row(overtaken).state == "accepted"
    cast.ingest.record(RequestKind.COMMAND, overtaken, ACCEPTED, at(27))
    assert (row(overtaken).state, row(overtaken).status) == ("accepted", "Accepted")
    late = start(30, id_tag="ADA-1")
    cast.start(connector=4, seconds=30 + 3600)
    assert row(late).session_id is None
    assert session(again.number).number == again.number


def test_unsent_start_has_no_session(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.StartCharging("ADA-1"), 1)
    cast.ingest.sweep(at(100))
    assert row(made).state == "timed_out"
    began = cast.start(seconds=101)
    assert session(began.number).state == "active"
    assert (row(made).state, row(made).session_id) == ("timed_out", None)


def test_new_key_hashed_when_sent(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.ChangeKey())
    assert cast.ingest.request_command("depot-7", kinds.ChangeKey(), "olga", at(1)) is CommandRefusal.KEY_IS_PENDING
    with models.database.connection_context():
        assert Charger.get_by_id(cast.charger).next_key_hash is None
    taken = claimed(cast, made)
    assert taken is not None
    assert len(taken.secret) == 32
    assert taken.secret not in repr(taken)
    with models.database.connection_context():
        assert Charger.get_by_id(cast.charger).next_key_hash is not None
        everything = [*Command.select().dicts(), *AuditEntry.select().dicts(), *Charger.select().dicts()]
    assert taken.secret not in repr(everything)


def _hear(bridge: Any, heard: list[pubsub.PubSubMessage]) -> bool:
    message = bridge.get_message(timeout=0.1)
    if message is not None:
        heard.append(pubsub.decode(message["data"]))
    return True


@pytest.mark.field(102)
@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey", "SecurityCtrlr.BasicAuthPassword"])
def test_key_set_only_by_rotation(cast: Cast, key: str) -> None:
    wanted = kinds.SetConfiguration(key, "0123456789abcdef")
    made = cast.ingest.request_command("depot-7", wanted, "olga@example.com", at(1))
    assert made is CommandRefusal.KEY_IS_ROTATED_ONLY


def requested(cast: Cast, command: kinds.ChargerCommand, terms: RequestTerms) -> int | CommandRefusal | Interrupts:
    return cast.ingest.request_command("depot-7", command, "olga@example.com", at(1), terms)


def test_same_key_requests_once(cast: Cast, bridge: Any) -> None:
    terms = RequestTerms("a-key", agreed=frozenset())
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: requested(cast, kinds.Reset(), terms), range(8)))
    assert isinstance(made[0], int)
    assert set(made) == {made[0]}
    assert claimed(cast, made[0]) is not None
    assert requested(cast, kinds.Reset(), terms) == made[0]
    assert claimed(cast, made[0]) is None
    assert requested(cast, kinds.Reset(is_hard=True), terms) is CommandRefusal.FORM_USED
    dry = requested(cast, kinds.Reset(), RequestTerms("a-key", is_dry_run=True))
    assert dry not in (made[0], CommandRefusal.FORM_USED)
    assert cast.ingest.request_command("depot-8", kinds.Reset(), "olga@example.com", at(1), terms) != made[0]
    with models.database.connection_context():
        assert Command.select().count() == 3


def test_same_key_with_a_secret(cast: Cast, bridge: Any) -> None:
    terms, command = RequestTerms("a-key"), kinds.SetConfiguration("WifiPassword", "a-secret")
    made = requested(cast, command, terms)
    assert isinstance(made, int)
    claimed(cast, made)
    assert requested(cast, command, terms) == made


def test_interrupts_what_was_agreed_to(cast: Cast, bridge: Any) -> None:
    number = cast.start(connector=1).number
    asked_first = requested(cast, kinds.Reset(), RequestTerms("k1", agreed=frozenset()))
    assert isinstance(asked_first, Interrupts)
    assert [session.number for session in asked_first.sessions] == [number]
    assert isinstance(requested(cast, kinds.Unlock(2), RequestTerms("k2", agreed=frozenset())), int)
    made = requested(cast, kinds.Reset(), RequestTerms("k1", agreed=frozenset({number})))
    assert isinstance(made, int)
    later = cast.start(connector=2, seconds=1.5).number  # while the command waits for its turn
    assert claimed(cast, made) is None
    kept = row(made)
    assert (kept.state, kept.sent_at) == ("rejected", None)
    assert f"session {later} on connector 2" in kept.status
    again = requested(cast, kinds.Reset(), RequestTerms("k3", agreed=frozenset({number})))
    assert isinstance(again, Interrupts)
    assert [session.number for session in again.sessions] == [number, later]


def test_agreeing_to_any(cast: Cast, bridge: Any) -> None:
    made = asked(cast, kinds.Reset())
    cast.start(connector=1)
    assert claimed(cast, made) is not None


def test_dry_run_expires_and_is_not_sent(cast: Cast, bridge: Any) -> None:
    made = requested(cast, kinds.SetConfiguration("WifiPassword", "a-secret"), RequestTerms(is_dry_run=True))
    assert isinstance(made, int)
    assert "a-secret" in row(made).arguments
    assert claimed(cast, made) is None
    assert state(cast, made, 1000) is CommandState.TIMED_OUT
    cast.ingest.sweep(at(1000))
    kept = row(made)
    assert kept.state == "timed_out"
    assert "a-secret" not in kept.arguments
    assert cast.ingest.send_dry_run("depot-7", made, "olga", at(1001)) is CommandRefusal.NO_DRY_RUN
    assert cast.ingest.send_dry_run("depot-8", made, "olga", at(1001)) is CommandRefusal.NO_DRY_RUN
    assert cast.ingest.send_dry_run("depot-7", made + 1, "olga", at(1001)) is CommandRefusal.NO_DRY_RUN


def test_refused_dry_run_of_a_key_changes_nothing(cast: Cast, bridge: Any) -> None:
    """A new key that the charger may have taken stays pending, whatever becomes of a dry run."""
    claimed(cast, asked(cast, kinds.ChangeKey()))
    assert requested(cast, kinds.ChangeKey(), RequestTerms(is_dry_run=True)) is CommandRefusal.KEY_IS_PENDING


@pytest.mark.parametrize(
    ("status", "refusal"), [("blocked", CommandRefusal.BLOCKED), ("retired", CommandRefusal.RETIRED)]
)
def test_blocked_charger_gets_nothing(cast: Cast, bridge: Any, status: str, refusal: CommandRefusal) -> None:
    shown = requested(cast, kinds.Reset(), RequestTerms(is_dry_run=True))
    assert isinstance(shown, int)
    with models.database.connection_context():
        Charger.update(status=status).execute()
    for terms in (RequestTerms(), RequestTerms(is_dry_run=True)):
        assert requested(cast, kinds.Reset(), terms) is refusal
    cast.ingest.claim(RequestKind.DRY_RUN, shown, cast.charger, "c-1", at(2))
    cast.ingest.record(RequestKind.DRY_RUN, shown, CommandResult(RequestEvent.PREVIEWED, frame="[]"), at(2))
    assert cast.ingest.send_dry_run("depot-7", shown, "olga", at(3)) is refusal
