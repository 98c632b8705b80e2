"""Drivers' starts as rows: who may start what, one at a time, claimed once, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from peewee import IntegrityError

from polaris import models, pubsub
from polaris.domain.commands.catalog import CancelReservation, Reserve, StartCharging
from polaris.domain.enums import RequestEvent, StartEnd
from polaris.domain.facts import ChargerConnected, ConnectorStatusChanged, Report, SessionReported
from polaris.domain.start_request import Obstacle, StartObstacle
from polaris.ingest import ClaimedCommand, CommandResult
from polaris.ingest.requests import start_ends, start_rows
from polaris.ingest.requests.command_refusals import MAX_OPEN
from polaris.models import Account, AuditEntry, Charger, Command, EvCard, StopRequest
from polaris.pubsub import RequestKind
from tests.support.ingest_cast import NOW, Cast, at, session
from tests.support.plans import executed, full_scans
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases

ACCEPTED = CommandResult(RequestEvent.ACCEPTED, "Accepted", {"status": "Accepted"})


@pytest.fixture
def bridge(cast: Cast, redis_url: str) -> Iterator[Any]:
    """A subscription to the commands of both chargers, of which two connectors each are free."""
    client = redis.Redis.from_url(redis_url)
    subscription = client.pubsub(ignore_subscribe_messages=True)
    channels = [pubsub.commands_channel(identity) for identity in ("depot-7", "depot-8")]
    subscription.subscribe(*channels)
    eventually(lambda: all(count for _, count in client.pubsub_numsub(*channels)))
    connect(cast, cast.other_charger)
    for charger in (cast.charger, cast.other_charger):
        for connector in (1, 2):
            status(cast, "Available", connector=connector, charger=charger)
    yield subscription
    subscription.close()
    client.close()


def connect(cast: Cast, charger: int) -> None:
    cast.store(
        ChargerConnected(
            charger_id=charger, received_at=NOW, bridge_id="bridge-1", connection_id="c-1", protocol="ocpp1.6"
        )
    )


def status(cast: Cast, status: str, *, connector: int = 1, charger: int | None = None) -> None:
    cast.store(
        ConnectorStatusChanged(
            charger_id=charger or cast.charger, received_at=NOW, connector=connector, status=status,
            error_code="NoError", info="", at=NOW,
        )
    )  # fmt: skip


def start(
    cast: Cast, account: int, seconds: float = 1, *, identity: str = "depot-7", connector: int = 1, card: int = 0
) -> Obstacle | None:
    return cast.ingest.request_start(identity, connector, account, at(seconds), card or None)


def kind(obstacle: Obstacle | None) -> StartObstacle | None:
    return None if obstacle is None else obstacle.kind


def rows() -> list[Command]:
    with models.database.connection_context():
        return list(Command.select().where(Command.kind == "start").order_by(Command.id))


def states() -> list[str]:
    return [row.state for row in rows()]


def claim(cast: Cast, row_id: int, seconds: float = 2) -> ClaimedCommand | None:
    return cast.ingest.claim(RequestKind.COMMAND, row_id, cast.charger, "c-1", at(seconds))


def record(cast: Cast, row_id: int, result: CommandResult, seconds: float = 3) -> None:
    cast.ingest.record(RequestKind.COMMAND, row_id, result, at(seconds))


def begin_s(row: Command) -> float:
    return (row.deadline_at - NOW).total_seconds()


@pytest.fixture
def promised(cast: Cast, bridge: Any) -> Command:
    """Ada's start at connector 1, which the charger has accepted."""
    assert start(cast, cast.ada) is None
    (row,) = rows()
    assert claim(cast, row.id) is not None
    record(cast, row.id, ACCEPTED)
    return rows()[0]


def test_start_is_published_and_claimed_once(cast: Cast, bridge: Any) -> None:
    assert start(cast, cast.ada) is None
    message = pubsub.decode(eventually(lambda: bridge.get_message(timeout=1))["data"])
    (row,) = rows()
    assert (message.kind, message.data) == ("command.any", {"command": row.id})
    assert (row.account_id, row.connector, row.requested_by) == (cast.ada, 1, "ada@example.com")
    claimed = claim(cast, row.id)
    assert claimed is not None
    assert claimed.command == StartCharging("ADA-1", 1)
    assert claim(cast, row.id) is None
    with models.database.connection_context():
        entry = AuditEntry.get()
    assert (entry.actor, entry.action, entry.target) == ("ada@example.com", "command.requested", "depot-7")


def test_presses_are_one_start(cast: Cast, bridge: Any) -> None:
    for seconds in (1, 2, 3):
        assert start(cast, cast.ada, seconds) is None
    assert states() == ["requested"]


def test_two_people_at_one_connector(cast: Cast, bridge: Any) -> None:
    assert start(cast, cast.ada) is None
    assert kind(start(cast, cast.ben)) is StartObstacle.IN_USE
    assert start(cast, cast.ben, connector=2) is None
    assert [row.account_id for row in rows()] == [cast.ada, cast.ben]


def test_all_press_at_once(cast: Cast, bridge: Any) -> None:
    presses = [
        (account, identity, connector)
        for account in (cast.ada, cast.ben)
        for identity in ("depot-7", "depot-8")
        for connector in (1, 2)
    ] * 2
    with ThreadPoolExecutor(len(presses)) as pool:
        made = [pool.submit(start, cast, account, identity=i, connector=c) for account, i, c in presses]
    found = {kind(each.result()) for each in made}
    assert found <= {None, StartObstacle.IN_USE, StartObstacle.STARTING}
    assert sorted(row.account_id for row in rows()) == [cast.ada, cast.ben]


def test_database_itself_allows_one(cast: Cast, bridge: Any) -> None:
    assert start(cast, cast.ada) is None
    (row,) = rows()
    values = {name: getattr(row, name) for name in ("kind", "arguments", "state", "requested_by")}
    values |= {"charger": row.charger_id, "requested_at": NOW, "deadline_at": NOW}
    with models.database.connection_context():
        for account, charger in ((cast.ben, cast.charger), (cast.ada, cast.other_charger)):
            with pytest.raises(IntegrityError), models.database.atomic():
                Command.create(**values | {"account": account, "charger": charger, "connector": 1})


@pytest.mark.parametrize("status_", ["stopped", "suspended"])
def test_inactive_account_refused(cast: Cast, bridge: Any, status_: str) -> None:
    with models.database.connection_context():
        Account.update(status=status_).execute()
    assert kind(start(cast, cast.ada)) is StartObstacle.ACCOUNT_INACTIVE
    assert rows() == []


def test_only_own_active_cards(cast: Cast, bridge: Any) -> None:
    with models.database.connection_context():
        bens = EvCard.get(EvCard.account == cast.ben).id
        own = EvCard.get(EvCard.account == cast.ada)
    assert kind(start(cast, cast.ada, card=bens)) is StartObstacle.NO_CARD
    assert kind(start(cast, cast.olga)) is StartObstacle.NO_CARD
    for change in ({"expires_at": at(1)}, {"expires_at": None, "status": "blocked"}):
        with models.database.connection_context():
            EvCard.update(**change).where(EvCard.id == own.id).execute()
        assert kind(start(cast, cast.ada, card=own.id)) is StartObstacle.NO_CARD
    assert rows() == []


@pytest.mark.parametrize(
    ("identity", "connector"), [("depot-7", 3), ("depot-7", 0), ("depot-7", -1), ("depot-7", 10**12), ("nobody\0", 1)]
)
def test_place_that_is_not_there(cast: Cast, bridge: Any, identity: str, connector: int) -> None:
    assert kind(start(cast, cast.ada, identity=identity, connector=connector)) is StartObstacle.NOT_FOUND


@pytest.mark.parametrize(
    ("status_", "expected"), [("retired", StartObstacle.NOT_FOUND), ("blocked", StartObstacle.OUT_OF_SERVICE)]
)
def test_charger_out_of_service(cast: Cast, bridge: Any, status_: str, expected: StartObstacle) -> None:
    with models.database.connection_context():
        Charger.update(status=status_).execute()
    assert kind(start(cast, cast.ada)) is expected


def test_offline_is_not_queued(cast: Cast, bridge: Any) -> None:
    cast.ingest.end_lease("bridge-1", at(1))
    assert kind(start(cast, cast.ada, 2)) is StartObstacle.OFFLINE
    assert rows() == []


def test_without_a_receiver_it_is_offline_for_good(cast: Cast, bridge: Any) -> None:
    bridge.unsubscribe()
    eventually(lambda: bridge.get_message(timeout=0.1) is None and not bridge.subscribed)
    assert start(cast, cast.ada) is None
    assert states() == ["offline"]
    assert claim(cast, rows()[0].id) is None


def test_failed_start_cools_down(cast: Cast, bridge: Any) -> None:
    start(cast, cast.ada)
    claim(cast, rows()[0].id)
    record(cast, rows()[0].id, CommandResult(RequestEvent.REJECTED, "Rejected"))
    assert kind(start(cast, cast.ada, 10)) is StartObstacle.COOLING_DOWN
    assert start(cast, cast.ben, 10) is None  # it is hers alone
    assert kind(start(cast, cast.ada, 11)) is StartObstacle.IN_USE
    assert start(cast, cast.ada, 11, connector=2) is None


def test_busy_charger(cast: Cast, bridge: Any) -> None:
    for _ in range(MAX_OPEN):
        cast.ingest.request_command("depot-7", CancelReservation(1), "olga@example.com", at(1))
    assert kind(start(cast, cast.ada)) is StartObstacle.TOO_MANY


def test_operators_start_holds_the_connector(cast: Cast, bridge: Any) -> None:
    cast.ingest.request_command("depot-7", StartCharging("BEN-1", 1), "olga@example.com", at(1))
    assert kind(start(cast, cast.ada)) is StartObstacle.IN_USE
    assert start(cast, cast.ada, connector=2) is None


def test_charging_and_starting_elsewhere(cast: Cast, bridge: Any) -> None:
    assert start(cast, cast.ada, identity="depot-8") is None
    obstacle = start(cast, cast.ada)
    assert obstacle is not None
    assert obstacle.starting is not None
    assert (obstacle.kind, obstacle.starting.identity, obstacle.starting.connector) == ("starting", "depot-8", 1)
    number = cast.start(charger_id=cast.other_charger, seconds=2).number
    obstacle = start(cast, cast.ada, 3)
    assert obstacle is not None
    assert obstacle.session is not None
    assert (obstacle.kind, obstacle.session.number) == ("charging", number)


@pytest.mark.parametrize(
    ("tag", "until_s", "connector", "expected"),
    [
        ("ada-1", 600, 1, None),
        ("ada-1", 600, 0, None),
        ("ada-1", 600, 2, StartObstacle.RESERVED),
        ("ada-1", 1, 1, StartObstacle.RESERVED),
        ("BEN-1", 600, 1, StartObstacle.RESERVED),
    ],
)
def test_reservation(
    cast: Cast, bridge: Any, tag: str, until_s: float, connector: int, expected: StartObstacle | None
) -> None:
    reserve(cast, Reserve(5, tag, at(until_s), connector))
    status(cast, "Reserved")
    assert kind(start(cast, cast.ada, 2)) is expected


def test_cancelled_reservation_is_nobodys(cast: Cast, bridge: Any) -> None:
    reserve(cast, Reserve(5, "ADA-1", at(600), 1))
    reserve(cast, CancelReservation(5))
    status(cast, "Reserved")  # by somebody else since
    assert kind(start(cast, cast.ada, 2)) is StartObstacle.RESERVED


def reserve(cast: Cast, command: Reserve | CancelReservation) -> None:
    made = cast.ingest.request_command("depot-7", command, "olga@example.com", at(1))
    assert isinstance(made, int)
    claim(cast, made)
    record(cast, made, ACCEPTED)


def test_session_fulfils_the_promise(cast: Cast, promised: Command) -> None:
    assert promised.state == "promised"
    number = cast.start(id_tag="ada-1", seconds=60).number
    (row,) = rows()
    assert (row.state, row.session_id, session(number).account_id) == ("accepted", number, cast.ada)


def test_start_after_its_time_is_known(cast: Cast, promised: Command) -> None:
    late_s = begin_s(promised) + 10
    cast.ingest.sweep(at(late_s))
    assert states() == ["timed_out"]
    number = cast.start(id_tag="ADA-1", seconds=late_s + 1).number
    (row,) = rows()
    assert (row.state, row.session_id) == ("accepted", number)
    assert session(number).start_received_at > row.deadline_at


def test_other_cards_session_leaves_the_promise(cast: Cast, promised: Command) -> None:
    cast.start(id_tag="BEN-1", seconds=60)
    cast.ingest.renew_lease("bridge-1", at(60))
    assert states() == ["promised"]
    assert kind(start(cast, cast.ada, 61)) is StartObstacle.IN_USE
    assert start(cast, cast.ada, 62, connector=2) is None  # nothing will come of the first, so it is in nobody's way
    assert states() == ["timed_out", "requested"]
    assert rows()[0].status == "Overtaken"


def test_overtaken_start_never_comes_back(cast: Cast, promised: Command) -> None:
    other = cast.start(id_tag="BEN-1", seconds=60).number
    assert progress(cast) == StartEnd.OVERTAKEN
    cast.store(cast.ended(other, 70, 5_000))
    assert progress(cast) == StartEnd.OVERTAKEN  # before anybody has stored it, too
    cast.ingest.sweep(at(71))
    record(cast, promised.id, ACCEPTED, 72)
    assert [(row.state, row.status) for row in rows()] == [("timed_out", "Overtaken")]
    cast.ingest.renew_lease("bridge-1", at(73))
    assert start(cast, cast.ben, 74) is None
    assert start(cast, cast.ada, 75, connector=2) is None


def test_given_up_before_it_is_sent(cast: Cast, bridge: Any) -> None:
    assert start(cast, cast.ada) is None
    cast.ingest.give_up_start("depot-7", 1, cast.ben, at(2))
    assert states() == ["requested"]  # it is another's
    cast.ingest.give_up_start("depot-7", 1, cast.ada, at(2))
    assert [(row.state, row.status) for row in rows()] == [("timed_out", "GivenUp")]
    assert claim(cast, rows()[0].id, 3) is None
    assert start(cast, cast.ada, 4, connector=2) is None


def test_given_up_after_its_promise(cast: Cast, promised: Command) -> None:
    cast.ingest.give_up_start("depot-7", 1, cast.ada, at(5))
    record(cast, promised.id, ACCEPTED, 6)
    assert [(row.state, row.status) for row in rows()] == [("timed_out", "GivenUp")]
    assert start(cast, cast.ada, 7, connector=2) is None
    number = cast.start(id_tag="ADA-1", seconds=60).number
    assert (rows()[0].state, rows()[0].session_id) == ("accepted", number)
    cast.ingest.sweep(at(61))
    assert stops() == []  # it may be wanted: its page has the stop
    cast.ingest.give_up_start("depot-7", 1, cast.ada, at(62))
    assert rows()[0].state == "accepted"


def test_session_is_of_the_start_that_is_waited_for(cast: Cast, promised: Command) -> None:
    """The charger was asked once more by the same driver: what comes is no session of what they gave up."""
    cast.ingest.give_up_start("depot-7", 1, cast.ada, at(5))
    assert start(cast, cast.ada, 20) is None
    again = rows()[1]
    claim(cast, again.id, 20)
    record(cast, again.id, ACCEPTED, 21)
    first = cast.start(id_tag="ADA-1", seconds=30).number
    assert [(row.state, row.session_id) for row in rows()] == [("timed_out", None), ("accepted", first)]
    cast.store(cast.ended(first, 40, 5_000))
    cast.start(id_tag="ADA-1", seconds=60)  # a tap of the card
    assert [row.session_id for row in rows()] == [None, first]
    assert start_rows.under_way(cast.ada, at(61)) == []


@pytest.mark.parametrize("is_swept", [True, False])
@pytest.mark.parametrize("change", [{"status": "suspended"}, {"status": "stopped"}, None])
def test_card_or_account_ends_the_start(
    cast: Cast, promised: Command, change: dict[str, str] | None, is_swept: bool
) -> None:
    end = StartEnd.ACCOUNT_INACTIVE if change else StartEnd.CARD_BLOCKED
    with models.database.connection_context():
        if change:
            Account.update(**change).where(Account.id == cast.ada).execute()
        else:
            EvCard.update(status="blocked").where(EvCard.account == cast.ada).execute()
    assert progress(cast) is end
    if is_swept:
        cast.ingest.sweep(at(5))
        with models.database.connection_context():
            Account.update(status="active").execute()
        assert progress(cast) is end  # it stays
    number = cast.start(id_tag="ADA-1", seconds=60).number
    for seconds in (61, 62):
        cast.ingest.sweep(at(seconds))
    assert stops() == [number]
    record(cast, promised.id, ACCEPTED, 63)
    assert rows()[0].status == end


def test_start_whose_card_is_blocked_is_not_sent(cast: Cast, bridge: Any) -> None:
    assert start(cast, cast.ada) is None
    with models.database.connection_context():
        EvCard.update(status="blocked").where(EvCard.account == cast.ada).execute()
    assert claim(cast, rows()[0].id) is None
    cast.ingest.end_starts(at(3), cast.ben)
    assert states() == ["requested"]
    cast.ingest.end_starts(at(3), cast.ada)
    assert [(row.state, row.status, row.sent_at) for row in rows()] == [("timed_out", "CardBlocked", None)]


def test_session_that_ran_before_its_account_was_suspended_goes_on(cast: Cast, promised: Command) -> None:
    cast.start(id_tag="ADA-1", seconds=60)
    with models.database.connection_context():
        Account.update(status="suspended").where(Account.id == cast.ada).execute()
    cast.ingest.sweep(at(61))
    assert stops() == []


def test_ends_read_no_table_whole(cast: Cast, promised: Command) -> None:
    with models.database.connection_context(), executed() as statements:
        assert start_ends.to_store() == []
        assert start_ends.to_stop() == []
    assert len(statements) > 3
    assert full_scans(statements) == []


def progress(cast: Cast) -> StartEnd | None:
    with models.database.connection_context():
        found = start_rows.newest(cast.ada, cast.charger, 1)
    assert found is not None
    return found.end


def stops() -> list[int]:
    with models.database.connection_context():
        return [row.session_id for row in StopRequest.select()]


def test_run_out_start_makes_room_without_a_sweep(cast: Cast, promised: Command) -> None:
    after = begin_s(promised) + 1
    cast.ingest.renew_lease("bridge-1", at(after))
    assert start(cast, cast.ben, after) is None
    assert states() == ["timed_out", "requested"]


def test_late_answer_reopens_nothing_beside_a_newer_start(cast: Cast, bridge: Any) -> None:
    start(cast, cast.ada)
    (first,) = rows()
    claim(cast, first.id)
    record(cast, first.id, CommandResult(RequestEvent.NO_ANSWER), 20)
    assert start(cast, cast.ada, 21) is None
    record(cast, first.id, ACCEPTED, 22)
    assert states() == ["timed_out", "requested"]
    cast.start(id_tag="ADA-1", seconds=23)  # what came of it is the first one's
    assert states()[0] == "accepted"


def test_late_answer_of_the_newest_start_counts(cast: Cast, bridge: Any) -> None:
    start(cast, cast.ada)
    (row,) = rows()
    claim(cast, row.id)
    record(cast, row.id, CommandResult(RequestEvent.NO_ANSWER), 20)
    record(cast, row.id, ACCEPTED, 22)
    assert states() == ["promised"]


def test_parked_car_without_a_card_can_be_started(cast: Cast, bridge: Any) -> None:
    """OCPP 2.x: the transaction begins with the cable, and the start brings the card."""
    cast.store(event(cast, 0, Report.STARTED))
    status(cast, "Occupied")
    assert start(cast, cast.ada) is None
    (row,) = rows()
    claim(cast, row.id)
    record(cast, row.id, ACCEPTED)
    cast.store(event(cast, 1, Report.UPDATED, remote_start_id=row.id))
    (row,) = rows()
    assert row.state == "accepted"
    assert session(row.session_id or 0).account_id == cast.ada


def test_evse_has_one_start(cast: Cast, bridge: Any) -> None:
    status(cast, "Available", connector=1001)
    assert start(cast, cast.ada, connector=1001) is None
    assert rows()[0].connector == 1
    assert kind(start(cast, cast.ben)) is StartObstacle.IN_USE
    assert start(cast, cast.ada) is None
    assert len(rows()) == 1


def event(cast: Cast, seq_no: int, report: Report, **values: Any) -> SessionReported:
    instant: datetime = NOW + timedelta(seconds=4 + seq_no)
    return SessionReported(
        charger_id=cast.charger, received_at=instant, raw={"seqNo": seq_no}, connector=1, transaction_id="t",
        seq_no=seq_no, report=report, at=instant, id_tag=None, status="EVConnected", reason="", is_offline=False,
        readings=(), **values,
    )  # fmt: skip
