"""What is acknowledged is listed apart, comes back in time or if it gets worse, and is forgotten when it is gone."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from polaris import administration, attention, models
from polaris.administration import Refused
from polaris.attention import Changed, Outcome
from polaris.attention.item import Item, Search
from polaris.attention.kinds import BY_NAME
from polaris.config import Config
from polaris.domain.enums import StopState
from polaris.ingest import Ingest
from polaris.models import Acknowledgement, AuditEntry
from polaris.pubsub import Publisher
from tests.polaris.attention.conftest import Open
from tests.polaris.attention.test_listing import fault, knock, stop
from tests.support.cast import Cast, now
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases

FAULT = "fault:depot-7/1"
HOUR = timedelta(hours=1)
OLGA = "olga@example.com"

Acknowledge = Callable[..., Outcome]


@pytest.fixture
def acknowledge(app: Flask, publisher: Publisher) -> Acknowledge:
    def acknowledge(key: str = FAULT, *, actor: str = OLGA, **options: str) -> Outcome:
        return attention.acknowledge(publisher, key, actor=actor, now=now(), **options)

    return acknowledge


def acknowledged(after: timedelta = timedelta()) -> list[tuple[str, str]]:
    """Who has acknowledged what."""
    return [(known.note.actor, known.item.key) for known in attention.read(now() + after, ()).acknowledged]


def audited() -> list[tuple[str, str, str]]:
    with models.database.connection_context():
        rows = AuditEntry.select().where(AuditEntry.action.startswith("attention.")).order_by(AuditEntry.id)
        return [(row.actor, row.action.removeprefix("attention."), row.detail) for row in rows]


def rows() -> int:
    with models.database.connection_context():
        return int(Acknowledgement.select().count())


def test_unknown_card_is_told_by_its_charger(
    charging: Charging, ingest: Ingest, cast: Cast, acknowledge: Acknowledge
) -> None:
    ingest.authorize("04a2b3c4", cast.depot_7.id, now())
    (tapped,) = administration.tapped_cards()
    acknowledge(key=f"card:{tapped.number}", note="hers")
    ((_, _, detail),) = audited()
    assert re.fullmatch(r"card [0-9a-f]{4} at depot-7, until it changes: hers", detail)


def test_acknowledged_until_it_changes(open_items: Open, charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure")
    assert acknowledge(note="  ordered a part ").is_new
    assert open_items() == []
    assert acknowledged(30 * HOUR) == [(OLGA, FAULT)]
    (known,) = attention.read(now(), ()).acknowledged
    assert (known.note.text, known.note.until_at) == ("ordered a part", None)
    assert audited() == [(OLGA, "acknowledged", "until it changes: ordered a part")]
    fault(charging, "GroundFailure")  # a repetition changes nothing
    assert open_items() == []
    fault(charging, "OverVoltage")
    assert [item.key for item in open_items()] == [FAULT]
    assert acknowledged() == []


def test_error_that_becomes_fault_comes_back(open_items: Open, charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure", "Available")
    acknowledge()
    assert open_items() == []
    fault(charging, "GroundFailure", "Faulted")
    assert len(open_items()) == 1


@pytest.mark.parametrize(("until", "hours"), [("1h", 1), ("8h", 8), ("1d", 24), ("1w", 168)])
def test_snoozed_comes_back_at_its_time(
    open_items: Open, charging: Charging, acknowledge: Acknowledge, until: str, hours: int
) -> None:
    fault(charging, "GroundFailure")
    acknowledge(until=until)
    almost = hours * HOUR - timedelta(minutes=1)
    assert open_items("fault", after=almost) == []
    (known,) = attention.read(now() + almost, ()).acknowledged
    assert attention.read(now() + almost, ()).comes_back_at == known.note.until_at
    assert len(open_items("fault", after=hours * HOUR)) == 1


def test_many_more_attempts_come_back(open_items: Open, ingest: Ingest, cast: Cast, acknowledge: Acknowledge) -> None:
    knock(ingest, "depot-9")
    acknowledge("refused:depot-9@192.0.2.7", until="1d")
    knock(ingest, "depot-9", times=8)
    assert open_items() == []
    knock(ingest, "depot-9", times=1)
    assert len(open_items()) == 1


def test_another_failed_stop_comes_back(
    open_items: Open, charging: Charging, cast: Cast, acknowledge: Acknowledge
) -> None:
    number = charging.start(cast.ada.id_tag)
    for seconds_ago in (40, 30, 20):
        stop(number, cast.ada.id, StopState.REJECTED, seconds_ago)
    acknowledge("stops:depot-7")
    assert open_items("stops") == []
    stop(number, cast.ada.id, StopState.REJECTED, 10)
    assert len(open_items("stops")) == 1


def test_second_time_changes_nothing(charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure")
    acknowledge(note="mine")
    again = acknowledge(note="another", until="1h", actor="otto@example.com")
    assert (again.is_new, again.note.actor, again.note.text) == (False, OLGA, "mine")
    assert len(audited()) == 1


def test_two_operators_at_once(charging: Charging, publisher: Publisher) -> None:
    fault(charging, "GroundFailure")
    outcomes: list[bool] = []
    start = threading.Barrier(2)

    def press(actor: str) -> None:
        start.wait()
        outcomes.append(attention.acknowledge(publisher, FAULT, actor=actor, now=now()).is_new)
        models.close()

    threads = [threading.Thread(target=press, args=(f"{name}@example.com",)) for name in ("olga", "otto")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]
    assert len(audited()) == rows() == 1


def test_taken_up_again(open_items: Open, charging: Charging, acknowledge: Acknowledge, publisher: Publisher) -> None:
    fault(charging, "GroundFailure")
    acknowledge(note="ordered")
    assert attention.take_up(publisher, FAULT, actor=OLGA, now=now())
    assert len(open_items()) == 1
    assert not attention.take_up(publisher, FAULT, actor=OLGA, now=now())
    assert audited() == [
        (OLGA, "acknowledged", "until it changes: ordered"),
        (OLGA, "taken_up", f"acknowledged by {OLGA} until it changes: ordered"),
    ]


def test_what_is_over_can_be_acknowledged_again(charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure")
    acknowledge(until="1h")
    with models.database.connection_context():
        Acknowledgement.update(until_at=now() - HOUR).execute()
    assert acknowledge(until="8h", actor="otto@example.com").is_new
    assert acknowledged() == [("otto@example.com", FAULT)]


@pytest.mark.parametrize("key", ["fault:depot-7/2", "nonsense", "", "fault:\0", "stuck:1'"])
def test_only_what_is_there_is_acknowledged(charging: Charging, acknowledge: Acknowledge, key: str) -> None:
    with pytest.raises(Refused, match="needs nobody"):
        acknowledge(key)
    assert rows() == 0


@pytest.mark.parametrize("options", [{"note": "x" * 201}, {"note": "a\nb"}, {"until": "2h"}])
def test_bad_note_or_time_is_refused(charging: Charging, acknowledge: Acknowledge, options: dict[str, str]) -> None:
    fault(charging, "GroundFailure")
    with pytest.raises(Refused):
        acknowledge(**options)
    assert rows() == 0


def test_changed_since_it_was_seen(open_items: Open, charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure")
    (seen,) = open_items()
    fault(charging, "OverVoltage")
    with pytest.raises(Changed):
        acknowledge(mark=seen.mark)
    assert acknowledge(mark=open_items()[0].mark).is_new


def test_forgotten_when_gone_for_an_hour(open_items: Open, charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure")
    acknowledge()
    charging.status("Available")
    attention.prune(now() + HOUR / 2)
    assert rows() == 1
    fault(charging, "GroundFailure")  # it came and went: the same matter
    attention.prune(now() + HOUR / 2)
    assert open_items() == []
    attention.prune(now() + 2 * HOUR / 2 + timedelta(minutes=15))  # it was seen since
    assert rows() == 1
    charging.status("Available")
    attention.prune(now() + 3 * HOUR)
    assert rows() == 0
    fault(charging, "GroundFailure")
    assert len(open_items()) == 1


def test_snooze_that_is_over_is_forgotten(charging: Charging, acknowledge: Acknowledge) -> None:
    fault(charging, "GroundFailure")
    acknowledge(until="1h")
    attention.prune(now() + HOUR)
    assert rows() == 1
    attention.prune(now() + 3 * HOUR)
    assert rows() == 0


def test_acknowledged_again_while_it_is_forgotten(
    charging: Charging, acknowledge: Acknowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(charging, "GroundFailure")
    acknowledge(until="1h")
    with models.database.connection_context():
        Acknowledgement.update(at=now() - 4 * HOUR, until_at=now() - 3 * HOUR).execute()

    def find(search: Search) -> list[Item]:
        monkeypatch.undo()
        acknowledge(actor="oscar@example.com")  # between the look and the deletion
        return faults.find(search)

    faults = BY_NAME["fault"]
    monkeypatch.setitem(BY_NAME, "fault", faults._replace(find=find))
    attention.prune(now())

    assert acknowledged() == [("oscar@example.com", FAULT)]


def test_bounded(charging: Charging, acknowledge: Acknowledge, config: Config) -> None:
    fault(charging, "GroundFailure")
    values = {"level": 1, "state": "", "actor": OLGA, "note": "", "at": now(), "seen_at": now()}
    with models.database.connection_context():
        Acknowledgement.insert_many({"key": f"fault:{number}", **values} for number in range(1000)).execute()
    with pytest.raises(Refused, match="1000 matters are acknowledged"):
        acknowledge()
