"""What a charger is like, read from its stored history, which is bounded, goes by indexes and begins anew."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from polaris import models
from polaris.domain.behaviour import MAX_SEEN, PERIOD, Worse
from polaris.domain.data_quality import Note
from polaris.domain.facts import ChargerClockSampled
from polaris.ingest import Behaviour, behaviour, behaviour_rows
from polaris.ingest.facts import charger_history
from polaris.models import Charger, ChargingSession, Site, StopRequest
from tests.support.behaving import History
from tests.support.ingest_cast import NOW, Cast, at

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)


@pytest.fixture
def history(cast: Cast) -> History:
    return History(cast.charger, cast.ada, NOW + DAY)


def seen(history: History) -> Behaviour:
    with models.database.connection_context():
        found = behaviour.of(history.charger_id, history.now)
    assert found is not None
    return found


def usual_end_s(history: History) -> int | None:
    with models.database.connection_context():
        return behaviour.usual_end_s(history.charger_id, history.now)


def test_no_history(history: History, cast: Cast) -> None:
    with models.database.connection_context():
        assert behaviour.of(4711, NOW) is None
        assert behaviour.of_identity("nobody\0", NOW) is None
        other = behaviour.of(cast.other_charger, NOW)
    assert other is not None
    assert other.is_empty
    assert usual_end_s(history) is None


def test_of_other_charger_nothing(history: History, cast: Cast) -> None:
    history.stops([2.0] * 12)
    with models.database.connection_context():
        assert behaviour.of_identity("depot-8", history.now).is_empty


def test_simulated_delays_found(history: History) -> None:
    source = random.Random(28)
    history.stops([source.gauss(4, 0.8) for _ in range(MAX_SEEN)])
    end = seen(history).window.stops.end
    assert end.seen == MAX_SEEN
    assert end.median_s == pytest.approx(4, rel=0.1)
    assert end.most_s == pytest.approx(4 + 1.645 * 0.8, rel=0.1)
    assert usual_end_s(history) == end.usual_s == 6


@pytest.mark.parametrize(("count", "usual"), [(9, None), (10, 4)])
def test_usual_from_ten_on(history: History, count: int, usual: int | None) -> None:
    history.stops([3.2] * count + [None] * 5)
    assert usual_end_s(history) == usual
    stops = seen(history).window.stops
    assert (stops.end.seen, stops.end.is_known, stops.seen, stops.refused) == (count, count == 10, count + 5, 5)


def test_bounded_in_number_and_age(history: History) -> None:
    history.stops([2.0] * (MAX_SEEN + 20))
    history.stops([50.0] * 5, ago=PERIOD)
    stops = seen(history).window.stops
    assert (stops.seen, stops.end.worst_s) == (MAX_SEEN, 2.0)


def test_new_firmware_begins_new_window(history: History) -> None:
    history.firmware("5.28.0", ago=60 * DAY)
    history.firmware("5.29.1", ago=20 * DAY)
    history.stops([2.0] * 44 + [None] * 14)
    history.stops([2.0] * 58 + [None] * 2, ago=20 * DAY)
    found = seen(history)
    assert (found.window.firmware, found.window.is_whole, found.window.stops.seen) == ("5.29.1", True, 58)
    assert found.before is not None
    assert (found.before.window.firmware, found.before.window.stops.seen) == ("5.28.0", 60)
    assert (found.before.worse_stops, found.before.worse_commands) == (Worse(14, 58, 2, 60), None)


def test_equal_firmware_is_not_named(history: History) -> None:
    history.firmware("5.28.0", ago=60 * DAY)
    history.firmware("5.29.1", ago=20 * DAY)
    history.stops([2.0] * 56 + [None] * 2)
    history.stops([2.0] * 56 + [None] * 2, ago=20 * DAY)
    found = seen(history)
    assert found.before is not None
    assert found.before.worse_stops is None


def test_another_device_is_not_compared(history: History) -> None:
    """An identity that is used again: what the device before did is no matter of its firmware."""
    history.firmware("5.28.0", ago=60 * DAY, serial="1")
    history.firmware("5.29.1", ago=20 * DAY, serial="2")
    history.stops([None] * 58)
    history.stops([2.0] * 60, ago=20 * DAY)
    found = seen(history)
    assert (found.window.stops.seen, found.before) == (58, None)


def test_commands(history: History) -> None:
    history.commands(["accepted"] * 12 + ["rejected"] * 3 + ["timed_out"] * 2 + ["sent"], answer_s=1.5)
    commands = seen(history).window.commands
    assert (commands.seen, commands.refused, commands.unanswered) == (18, 3, 2)
    assert (commands.answer.seen, commands.answer.median_s) == (16, 1.5)


def test_absences_in_the_sites_hours(history: History) -> None:
    with models.database.connection_context():
        Site.update(time_zone="Europe/Berlin").execute()
        Charger.update(connection_id=None, connected_at=None).execute()
    history.gone(12, at=timedelta(hours=13), lasted=timedelta(minutes=20))  # 23:00 UTC
    found = seen(history)
    assert (found.zone, found.absences.usual_hours) == ("Europe/Berlin", (0,))
    assert (found.absences.seen, found.absences.median_s) == (13, 1200)  # it has not come back from the last


def test_present_connection_ends_absence(history: History, cast: Cast) -> None:
    cast.ingest.renew_lease("bridge-1", history.now)
    with models.database.connection_context():
        Charger.update(connected_at=history.now - timedelta(hours=12)).execute()
    history.gone(1, at=timedelta(hours=13), lasted=timedelta(minutes=20))
    assert (seen(history).absences.seen, seen(history).absences.longest_s) == (2, 3600)


def test_bridge_that_died_tells_nothing(history: History) -> None:
    assert seen(history).absences.seen == 0  # its lease has run out, and the charger's connection was never ended


def test_quirks(history: History) -> None:
    history.stops([2.0] * 9, notes=[Note.GAP, Note.CLOSED_BY_OPERATOR])
    assert (seen(history).sessions, seen(history).quirks) == (9, ())
    history.stops([2.0] * 4, ago=timedelta(days=10), notes=["a note of another release"])
    found = seen(history)
    assert found.sessions == 13
    assert [(quirk.note, quirk.seen) for quirk in found.quirks] == [(Note.GAP, 9)]


def test_bad_day_is_no_quirk(history: History) -> None:
    history.stops([2.0] * 12)
    with models.database.connection_context():
        numbers = [session.number for session in ChargingSession.select().order_by(ChargingSession.number).limit(2)]
        for number in numbers:
            models.SessionNote.create(session=number, kind=Note.GAP, at=at(0))
    assert seen(history).quirks == ()


def test_session_that_ends_with_the_cable(history: History) -> None:
    history.stops([2.0] * 12)
    with models.database.connection_context():
        newest = StopRequest.select().order_by(StopRequest.sent_at.desc()).first().session_id
        ended = ChargingSession.update(transaction_id="t", stop_reason="EVDisconnected")
        ended.where(ChargingSession.number == newest).execute()
    found = seen(history)
    assert (found.waiting_stops, found.window.stops.seen) == (1, 11)


def test_clock(history: History) -> None:
    for day in range(12):
        ahead = timedelta(seconds=2 * day)
        at_ = history.now - timedelta(days=12 - day)
        fact = ChargerClockSampled(charger_id=history.charger_id, received_at=at_, ahead=ahead)
        with models.database.connection_context():
            charger_history.clock_sampled([], fact, at_)
    clock = seen(history).clock
    assert (clock.seen, clock.ahead_s, clock.jumps) == (11, 22, 0)
    assert clock.per_day_s == pytest.approx(2)


@pytest.mark.parametrize("name", ["STOPS", "COMMANDS", "SESSIONS", "CONNECTIONS", "CLOCK", "FIRMWARES"])
def test_queries_go_by_indexes(history: History, name: str) -> None:
    query = getattr(behaviour_rows, name)
    sql = query._sql.replace("{param}", "1").replace("{marks}", "1")
    with models.database.connection_context():
        if models.database.obj.for_update:
            models.database.execute_sql("SET enable_seqscan = off")
            plan = " ".join(row[0] for row in models.database.execute_sql(f"EXPLAIN {sql}"))
            models.database.execute_sql("SET enable_seqscan = on")
            assert "Seq Scan" not in plan, plan
        else:
            plan = " ".join(row[3] for row in models.database.execute_sql(f"EXPLAIN QUERY PLAN {sql}"))
            assert "SCAN" not in plan, plan
            if name != "CONNECTIONS":
                assert "TEMP B-TREE" not in plan, plan
