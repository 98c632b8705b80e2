"""One command for many chargers: its list, its pace, and that nobody gets it twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from polaris import models, pubsub, retention
from polaris.domain import bulk
from polaris.domain.bulk import DRAFT_LIFETIME, BulkChange, BulkState, ItemState
from polaris.domain.commands.catalog import (
    ChargerCommand,
    ClearCache,
    Reset,
    SetConfiguration,
    StartCharging,
)
from polaris.domain.enums import RequestEvent
from polaris.domain.fleet_query import Query
from polaris.ingest import CommandResult, RequestTerms
from polaris.ingest.bulk_commands import BulkCommands
from polaris.ingest.requests import bulks
from polaris.ingest.requests.bulks import BulkAlready, BulkRefusal
from polaris.lists import bulks as lists
from polaris.models import AuditEntry, BulkCommand, BulkItem, Charger, Command
from polaris.pubsub import RequestKind
from polaris.verbs.verb import Notifications
from tests.support.ingest_cast import Cast, at
from tests.support.wait import eventually

pytestmark = pytest.mark.both_databases

OLGA = "olga@example.com"
COUNT = 12


@pytest.fixture
def fleet(cast: Cast, redis_url: str) -> Iterator[list[int]]:
    """Twelve chargers that are online, with somebody who receives their commands."""
    cast.ingest.renew_lease("bridge-1", at(0))
    with models.database.connection_context():
        ids = [
            Charger.create(
                identity=f"row-{n:02}",
                name=f"Row {n}",
                site=1,
                key_hash="",
                key_version=1,
                bridge="bridge-1",
                connection_id="c-9",
            ).id
            for n in range(COUNT)
        ]
    client = redis.Redis.from_url(redis_url)
    bridge = client.pubsub(ignore_subscribe_messages=True)
    channels = [pubsub.commands_channel(f"row-{n:02}") for n in range(COUNT)]
    bridge.subscribe(*channels, pubsub.commands_channel("depot-7"))
    eventually(lambda: all(count for _, count in client.pubsub_numsub(*channels)))
    yield ids
    bridge.close()
    client.close()


@pytest.fixture
def runner(cast: Cast) -> BulkCommands:
    return BulkCommands(cast.ingest, Notifications())


def begun(runner: BulkCommands, ids: list[int], command: ChargerCommand = ClearCache(), **values: Any) -> int:  # noqa: B008 - frozen
    number = runner.draft(ids, command, OLGA, now=at(0), **values)
    assert runner.change(number, BulkChange.START, OLGA, at(0)) is BulkState.RUNNING
    return number


@models.blocking
def items(number: int) -> list[tuple[str, str]]:
    return [(row.state, row.reason) for row in BulkItem.select().where(BulkItem.bulk == number).order_by(BulkItem.id)]


@models.blocking
def state(number: int) -> str:
    return str(BulkCommand.get_by_id(number).state)


@models.blocking
def commands() -> list[Command]:
    return list(Command.select().order_by(Command.id))


def end(cast: Cast, event: RequestEvent, seconds: float) -> None:
    """Let every command that was requested be sent and come to this end."""
    for row in commands():
        if row.state == "requested":
            cast.ingest.claim(RequestKind.COMMAND, row.id, row.charger_id, "c-9", at(seconds))
            cast.ingest.record(RequestKind.COMMAND, row.id, CommandResult(event), at(seconds))


def test_a_few_in_each_turn(cast: Cast, runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet)
    sent = [runner.send_turn(at(seconds)) for seconds in (0, 0.1, 0.9, 1, 2, 3)]

    assert sent == [5, 0, 0, 5, 2, 0]
    assert [row.charger_id for row in commands()] == fleet
    assert {row.requested_by for row in commands()} == {OLGA}
    assert state(number) == BulkState.RUNNING  # until their outcomes are there
    end(cast, RequestEvent.ACCEPTED, 3)
    assert runner.send_turn(at(4)) == 0
    assert state(number) == BulkState.DONE


def test_its_end_is_announced_and_the_next_begins(cast: Cast, fleet: list[int]) -> None:
    announced = Notifications()
    runner = BulkCommands(cast.ingest, announced)
    first, second = begun(runner, fleet[:1]), begun(runner, fleet[1:2])
    assert [view.waits_for for view in lists.newest(at(1))] == [first, None]
    runner.send_turn(at(0))
    end(cast, RequestEvent.ACCEPTED, 0)
    announced.clear()

    assert runner.send_turn(at(1)) == 0

    assert pubsub.records_changed()[0] in announced
    assert (state(first), state(second)) == (BulkState.DONE, BulkState.RUNNING)
    assert [view.waits_for for view in lists.newest(at(1))] == [None, None]
    assert runner.send_turn(at(2)) == 1


def test_never_more_than_a_few_in_flight(
    cast: Cast, runner: BulkCommands, fleet: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_IN_FLIGHT", 7)
    begun(runner, fleet)
    assert [runner.send_turn(at(seconds)) for seconds in (0, 1, 2)] == [5, 2, 0]
    end(cast, RequestEvent.ACCEPTED, 2)
    assert runner.send_turn(at(3)) == 5


def test_of_many_runners_one_sends(runner: BulkCommands, fleet: list[int]) -> None:
    begun(runner, fleet)
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: runner.send_turn(at(0)), range(8))) == bulk.MAX_PER_TURN
    assert len(commands()) == bulk.MAX_PER_TURN


def test_killed_in_the_middle_of_a_turn(cast: Cast, runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet[:1])
    # The command was requested, and the process was killed before the item knew of it.
    with models.database.connection_context():
        key = bulks.key(BulkCommand.get())
    made = cast.ingest.request_command("row-00", ClearCache(), OLGA, at(0), RequestTerms(key))

    assert runner.send_turn(at(1)) == 0  # its charger is busy, with that very command
    end(cast, RequestEvent.ACCEPTED, 1)
    assert runner.send_turn(at(2)) == 1

    assert [row.id for row in commands()] == [made]
    assert items(number) == [(ItemState.REQUESTED, "")]
    runner.send_turn(at(3))
    assert state(number) == BulkState.DONE


def test_busy_charger_waits(cast: Cast, runner: BulkCommands, fleet: list[int]) -> None:
    cast.ingest.request_command("row-00", Reset(), "command line", at(0))
    number = begun(runner, fleet[:3])
    assert runner.send_turn(at(0)) == 2
    assert runner.send_turn(at(1)) == 0
    assert items(number)[0] == (ItemState.WAITING, "")
    end(cast, RequestEvent.ACCEPTED, 1)
    assert runner.send_turn(at(2)) == 1


def test_list_names_who_is_left_out(cast: Cast, runner: BulkCommands, fleet: list[int]) -> None:
    with models.database.connection_context():
        Charger.update(status="blocked").where(Charger.id == fleet[0]).execute()
        Charger.update(connection_id=None).where(Charger.id == fleet[1]).execute()
    started = cast.start(charger_id=fleet[2])
    why = f"It would interrupt session {started.number}."

    left_out = runner.draft(fleet[:4], Reset(), OLGA, now=at(0), query=Query(text="row"))
    included = runner.draft(fleet[:4], Reset(), OLGA, now=at(0), may_interrupt=True)
    harmless = runner.draft(fleet[:4], ClearCache(), OLGA, now=at(0))

    assert [reason for _, reason in items(left_out)] == ["It is blocked: unblock it first.", "It is offline.", why, ""]
    for number in (included, harmless):
        assert [reason for _, reason in items(number)] == ["It is blocked: unblock it first.", "It is offline.", "", ""]
    runner.change(included, BulkChange.START, OLGA, at(0))
    assert runner.send_turn(at(0)) == 2


def test_session_that_began_since_is_not_interrupted(cast: Cast, runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet[:2], Reset(), may_interrupt=True)
    started = cast.start(charger_id=fleet[0])
    runner.send_turn(at(1))
    assert items(number) == [
        (ItemState.EXCLUDED, f"A session has begun since: session {started.number} on connector 1."),
        (ItemState.REQUESTED, ""),
    ]
    assert [row.charger_id for row in commands()] == fleet[1:2]


def test_blocked_since_is_left_out(runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet[:1])
    with models.database.connection_context():
        Charger.update(status="retired").where(Charger.id == fleet[0]).execute()
    assert runner.send_turn(at(0)) == 0
    assert items(number) == [(ItemState.EXCLUDED, "It is retired: unblock it first.")]


def test_dry_run_is_audited_once_without_whom_it_sought(runner: BulkCommands, fleet: list[int]) -> None:
    query = Query(text="ada@example.com", state="Faulted")
    numbers = {runner.draft(fleet[:2], Reset(), OLGA, now=at(0), query=query, form="a-form") for _ in range(2)}
    with models.database.connection_context():
        rows = list(AuditEntry.select().where(AuditEntry.action == "bulk.dry_run"))
    assert [(row.actor, {row.target}) for row in rows] == [(OLGA, {f"bulk {number}" for number in numbers})]
    assert rows[0].detail == "reset {}, 2 chargers, state=Faulted, by text"


def test_paused_resumed_cancelled(runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet)
    for asked, expected in (
        (BulkChange.PAUSE, BulkState.PAUSED),
        (BulkChange.PAUSE, BulkAlready.PAUSED),  # a second press
        (BulkChange.START, BulkRefusal.PAUSED),
        (BulkChange.RESUME, BulkState.RUNNING),
        (BulkChange.CANCEL, BulkState.CANCELLED),
        (BulkChange.RESUME, BulkRefusal.CANCELLED),
    ):
        assert runner.change(number, asked, OLGA, at(1)) is expected
        assert runner.send_turn(at(1)) == (5 if expected is BulkState.RUNNING else 0)
    assert runner.change(number + 1, BulkChange.PAUSE, OLGA, at(1)) is BulkRefusal.NOT_FOUND
    with models.database.connection_context():
        rows = AuditEntry.select().where(AuditEntry.action.startswith("bulk.")).order_by(AuditEntry.id)
        audit = [(row.actor, row.action, row.target, row.detail) for row in rows]
    said = (f"bulk {number}", "clear-cache {}, 12 chargers")
    assert audit == [(OLGA, f"bulk.{word}", *said) for word in ("dry_run", "start", "pause", "resume", "cancel")]


def test_dry_run_sends_nothing(runner: BulkCommands, fleet: list[int]) -> None:
    number = runner.draft(fleet, ClearCache(), OLGA, now=at(0))
    assert runner.send_turn(at(1)) == 0
    with models.database.connection_context():
        BulkItem.delete().where(BulkItem.charger == fleet[0]).execute()
    assert runner.change(number, BulkChange.START, OLGA, at(1)) is BulkRefusal.INCOMPLETE
    runner.draft(fleet, ClearCache(), OLGA, now=at(0) + DRAFT_LIFETIME * 2)
    assert runner.change(number, BulkChange.START, OLGA, at(1)) is BulkRefusal.EXPIRED
    for old, why in ((number, BulkRefusal.EXPIRED), (99, BulkRefusal.NOT_FOUND)):
        with pytest.raises(ValueError, match=why.value):
            runner.draft_again(old, OLGA, at(1))


def test_what_was_sent_to_all_is_neither_paused_nor_cancelled(runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet[:2])
    assert runner.send_turn(at(0)) == 2
    for asked in (BulkChange.PAUSE, BulkChange.CANCEL):
        assert runner.change(number, asked, OLGA, at(1)) is BulkRefusal.ALL_SENT


def test_dry_run_made_again_keeps_its_filter(runner: BulkCommands, fleet: list[int]) -> None:
    number = runner.draft(fleet, ClearCache(), OLGA, now=at(0), query=Query(site="Main"))
    again = runner.draft_again(number, OLGA, at(1))
    with models.database.connection_context():
        assert Query.of(json.loads(BulkCommand.get_by_id(again).fleet_filter)) == Query(site="Main")
        detail = AuditEntry.select().order_by(AuditEntry.id.desc()).get().detail
    assert detail.endswith(f"site=Main, again of bulk {number}")


def test_old_dry_run_is_not_started(runner: BulkCommands, fleet: list[int]) -> None:
    number = runner.draft(fleet, ClearCache(), OLGA, now=at(0))
    later = at(1) + DRAFT_LIFETIME

    assert runner.change(number, BulkChange.START, OLGA, later) is BulkRefusal.EXPIRED
    assert runner.send_turn(later) == 0
    anew = runner.draft_again(number, OLGA, later)
    assert runner.change(anew, BulkChange.START, OLGA, later) is BulkState.RUNNING


def test_again_for_what_failed(cast: Cast, runner: BulkCommands, fleet: list[int]) -> None:
    number = begun(runner, fleet[:5])
    runner.send_turn(at(0))
    failing = {fleet[1]: RequestEvent.REJECTED, fleet[3]: RequestEvent.NO_ANSWER}
    for row in commands():
        cast.ingest.claim(RequestKind.COMMAND, row.id, row.charger_id, "c-9", at(1))
        event = failing.get(row.charger_id, RequestEvent.ACCEPTED)
        cast.ingest.record(RequestKind.COMMAND, row.id, CommandResult(event), at(1))

    again = runner.draft_again(number, OLGA, at(2))
    and_again = runner.draft_again(again, OLGA, at(2))

    with models.database.connection_context():
        for made in (again, and_again):
            assert {row.charger_id for row in BulkItem.select().where(BulkItem.bulk == made)} == failing.keys()
    runner.change(and_again, BulkChange.START, OLGA, at(2))
    with pytest.raises(ValueError, match="Nothing of it has failed"):
        runner.draft_again(and_again, OLGA, at(2))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (StartCharging(id_tag="A"), "about one charger"),
        (SetConfiguration(key="WebPassword", value="secret"), "holds a secret"),
    ],
)
def test_what_is_not_for_many(runner: BulkCommands, fleet: list[int], command: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        runner.draft(fleet, command, OLGA, now=at(0))


def test_empty_and_too_long_lists_refused(
    runner: BulkCommands, fleet: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_ITEMS", 3)
    for ids, sentence in (([], "No charger matches"), (fleet, "12 chargers match")):
        with pytest.raises(ValueError, match=sentence):
            runner.draft(ids, ClearCache(), OLGA, now=at(0))


def test_erased_person_is_in_none(runner: BulkCommands, fleet: list[int]) -> None:
    number = runner.draft(fleet, ClearCache(), "ada@example.com", now=at(0), query=Query(text="ada@example.com"))
    retention.erase(Notifications(), "ada@example.com", actor=OLGA, now=at(1))
    with models.database.connection_context():
        row = BulkCommand.get_by_id(number)
    assert "ada" not in f"{row.requested_by} {row.fleet_filter}"
    assert lists.page(number, at(1)) is not None
