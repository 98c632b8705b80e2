"""What is old is deleted or thinned, in small transactions, and nothing that a figure rests on changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from polaris import models, retention
from polaris.config import Config
from polaris.domain import thinning
from polaris.domain.facts import Report, SessionMetered, SessionReported
from polaris.domain.limits import MAX_CURVE_POINTS
from polaris.domain.metering import Reading
from polaris.ingest import corrections
from polaris.ingest.facts import meter_rows
from polaris.models import (
    Acknowledgement,
    Bridge,
    BulkCommand,
    BulkItem,
    ChargerConnection,
    ChargerNotice,
    ChargingSession,
    ClockSample,
    Command,
    Invitation,
    MeterReading,
    Notice,
    PasswordReset,
    SentForm,
    SessionLimit,
    SignIn,
    StopRequest,
    TransactionEvent,
    UnknownCard,
    UnmatchedEnd,
    UnprocessableFact,
    UnrecognisedCharger,
    Wall,
)
from polaris.retention import sessions as old_sessions
from polaris.retention.ages import AGES, STAYS, WITH_SESSION
from polaris.web.sessions import readings as curve
from tests.support.ingest_cast import NOW, Cast, at, readings, session

pytestmark = pytest.mark.both_databases

LATER = NOW + timedelta(days=397)
HOUR = 3600


def never(seconds: float) -> bool:
    return False


def charged(cast: Cast, count: int = 1000, **values: Any) -> int:
    """A session with so many readings, one a second apart, of 22 kW."""
    number = cast.start().number
    taken = [Reading(at(second), register_wh=1000 + 6 * second, power_w=22_000, **values) for second in range(1, count)]
    for start in range(0, len(taken), 100):
        some = tuple(taken[start : start + 100])
        received_at = some[-1].sampled_at
        fact = SessionMetered(
            charger_id=cast.charger, received_at=received_at, connector=1, number=number, readings=some
        )
        cast.ingest.store([fact], received_at)
    cast.store(cast.ended(number, count, 1000 + 6 * count), seconds=count)
    return number


def sweep(config: Config, now: datetime = LATER, wait: Callable[[float], bool | None] = never) -> retention.Swept:
    swept = retention.sweep(config, now, wait)
    assert swept is not None
    return swept


def made_out(number: int) -> int | None:
    """The session's energy as its stored readings make it out."""
    with models.database.connection_context():
        return corrections.rebuild.rebuilt(ChargingSession.get_by_id(number), 22_000).values.energy_wh


def test_old_session_keeps_curve_final_and_total(cast: Cast, config: Config) -> None:
    number = charged(cast)
    before, all_rows = session(number), readings(number)
    swept = sweep(config)
    after, rows = session(number), readings(number)

    assert (before.energy_wh, after.energy_wh, made_out(number)) == (6000, 6000, 6000)
    assert MAX_CURVE_POINTS - 5 <= len(rows) < MAX_CURVE_POINTS
    assert (rows[0].sampled_at, rows[-2].sampled_at) == (all_rows[0].sampled_at, all_rows[-2].sampled_at)
    assert (rows[-1].is_final, rows[-1].energy_wh) == (True, 6000)
    assert (after.final_at, after.is_swept) == (LATER, True)
    assert (swept.made_final, swept.rows) == (1, {"meter_reading": len(all_rows) - len(rows)})
    assert swept.is_complete
    with models.database.connection_context():
        assert len(curve.shown([number], {})[number].curve) == len(rows)


def test_young_session_is_left_alone(cast: Cast, config: Config) -> None:
    number = charged(cast, 300)
    sweep(config, NOW + timedelta(days=395))

    assert len(readings(number)) == 300
    assert session(number).final_at is None


def test_open_session_is_left_alone(cast: Cast, config: Config) -> None:
    number = cast.start().number
    sweep(config)

    assert session(number).final_at is None


def test_intervals_that_make_the_total_stay(cast: Cast, config: Config) -> None:
    number = cast.start(meter_start_wh=-1).number
    taken = tuple(Reading(at(60 * minute), interval_wh=100) for minute in range(1, 301))
    cast.store(
        SessionMetered(charger_id=cast.charger, received_at=at(18_000), connector=1, number=number, readings=taken),
        seconds=18_000,
    )
    cast.store(cast.ended(number, 18_060, None), seconds=18_060)
    before = session(number).energy_wh
    sweep(config)

    assert (before, made_out(number), len(readings(number))) == (30_000, 30_000, 301)
    assert session(number).is_swept


def test_signed_values_stay(cast: Cast, config: Config) -> None:
    number = charged(cast, 300, signed_data="OCMF|{}|{}")
    sweep(config)

    assert len(readings(number)) == 300


def test_late_messages_do_not_change_a_final_session(cast: Cast, config: Config) -> None:
    number = charged(cast)
    sweep(config)
    before, rows = session(number), len(readings(number))
    cast.store(cast.metered(number, 500, 9_000_000))
    cast.store(cast.ended(number, 2000, 8_000_000))
    cast.store(cast.ended(number, 1000, 7000))  # its own end, once more
    after = session(number)

    assert (after.energy_wh, after.ended_at, after.revision, len(readings(number))) == (
        6000,
        before.ended_at,
        before.revision,
        rows,
    )
    with models.database.connection_context():
        kept = list(UnprocessableFact.select(UnprocessableFact.reason).tuples())
    assert kept == [("the session is final",)] * 2


def test_final_session_is_not_recomputed(cast: Cast, config: Config) -> None:
    number = charged(cast)
    sweep(config)
    with models.database.connection_context():
        MeterReading.delete().where(MeterReading.session == number).execute()
    recomputed = cast.ingest.recompute(number, "olga", LATER)

    assert recomputed is not None
    assert (recomputed.is_final, recomputed.after_wh, session(number).energy_wh) == (True, 6000, 6000)


def test_sweep_yields_to_what_comes_meanwhile(cast: Cast, config: Config) -> None:
    """A session that changes between its reading and its locking is left to the next sweep."""
    number = charged(cast)
    due = old_sessions._due(LATER, NOW - timedelta(days=1), 0)
    with models.database.connection_context():
        ChargingSession.update(revision=ChargingSession.revision + 1).where(ChargingSession.number == number).execute()
        with models.database.atomic():
            final = old_sessions._made_final(due, LATER)

    assert ([one.number for one in due], final, session(number).final_at) == ([number], [], None)


def event(
    cast: Cast, seq_no: int, report: Report, second: float, register_wh: int | None = None, **changes: Any
) -> SessionReported:
    taken = () if register_wh is None else (Reading(at(second), register_wh=register_wh),)
    values = {"id_tag": None, "status": "", "reason": "", "is_offline": False} | changes
    return SessionReported(
        charger_id=cast.charger,
        received_at=at(second),
        raw={"seqNo": seq_no},
        connector=1,
        transaction_id="tx-1",
        seq_no=seq_no,
        report=report,
        at=at(second),
        readings=taken,
        **values,
    )


def test_events_go_and_a_late_one_rebuilds_nothing(cast: Cast, config: Config) -> None:
    cast.store(event(cast, 0, Report.STARTED, 0, 1000, id_tag="ADA-1"))
    for seq_no in range(1, 700):
        cast.store(event(cast, seq_no, Report.UPDATED, seq_no, 1000 + 6 * seq_no), seconds=seq_no)
    cast.store(event(cast, 701, Report.ENDED, 701, 1000 + 6 * 701), seconds=701)
    with models.database.connection_context():
        number = ChargingSession.get().number
    before = session(number)
    swept = sweep(config)
    late = cast.store(event(cast, 700, Report.UPDATED, 700, 9_000_000, id_tag="BEN-1"), seconds=800)
    after = session(number)

    assert swept.rows["transaction_event"] == 701
    assert (before.energy_wh, after.energy_wh, after.account_id, after.id_tag) == (4206, 4206, cast.ada, "ADA-1")
    assert late[0] is not None
    with models.database.connection_context():
        assert TransactionEvent.select().count() == 0
        assert UnprocessableFact.get().reason == "the session is final"


def test_transaction_id_of_a_final_session_used_again(cast: Cast, config: Config) -> None:
    """Its events are deleted, so its end alone tells that what comes is of another."""
    for seq_no, report in ((0, Report.STARTED), (2, Report.ENDED)):
        cast.store(event(cast, seq_no, report, seq_no * 60, 1000 + 60 * seq_no, id_tag="ADA-1"), seconds=seq_no * 60)
    with models.database.connection_context():
        first = ChargingSession.get().number
    sweep(config)
    again = (LATER - NOW).total_seconds()
    cast.store(event(cast, 1, Report.UPDATED, again + 60, 2100), seconds=again + 60)  # its start is lost
    cast.store(event(cast, 2, Report.ENDED, again + 120, 2300), seconds=again + 120)
    with models.database.connection_context():
        number = ChargingSession.get(ChargingSession.number != first).number
        assert not UnprocessableFact.select().exists()
    assert (session(first).energy_wh, session(number).state, session(number).energy_wh) == (120, "completed", 200)


def test_interrupted_sweep_is_gone_on_with(cast: Cast, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_sessions, "MAX_ROWS", 50)
    number = charged(cast)
    with models.database.connection_context():
        stored = meter_rows.load(ChargingSession.get_by_id(number))
    sweeps = [sweep(config, wait=lambda _: True)]
    while not sweeps[-1].is_complete:
        sweeps.append(sweep(config, wait=_stop_after(len(AGES) + 4)))

    assert len(sweeps) > 2
    assert {row.id for row in readings(number)} >= stored.keys() - thinning.superfluous(stored)
    assert len(readings(number)) <= MAX_CURVE_POINTS
    assert made_out(number) == 6000


def _stop_after(steps: int) -> Callable[[float], bool]:
    left = iter(range(steps))
    return lambda _: next(left, None) is None


def test_one_sweep_at_a_time(cast: Cast, config: Config) -> None:
    is_running, may_end = threading.Event(), threading.Event()

    def wait(_: float) -> bool:
        is_running.set()
        return may_end.wait()

    thread = threading.Thread(target=lambda: (retention.sweep(config, LATER, wait), models.close()))
    thread.start()
    is_running.wait()
    assert retention.sweep(config, LATER, never) is None
    may_end.set()
    thread.join()
    assert retention.sweep(config, LATER, never) is not None


def fill(cast: Cast, seen_at: datetime, name: str) -> None:
    """A row of each table that has an age, last changed at this instant."""
    charger, text = cast.charger, {"payload": "{}", "reason": "", "name": ""}
    known = {"level": 1, "state": "", "actor": "", "note": "", "at": seen_at, "seen_at": seen_at}
    Acknowledgement.create(key=name, **known)
    Bridge.create(id=name, started_at=seen_at, lease_until_at=seen_at)
    slot = ChargerConnection.select().count()
    ChargerConnection.create(charger=charger, slot=slot, connected_at=seen_at, ended_at=seen_at, ended_by="charger")
    ClockSample.create(charger=charger, day=slot, at=seen_at, ahead_ms=0, lowest_ms=0, highest_ms=0)
    values = {"kind": "reset", "arguments": "{}", "fleet_filter": "", "state": "done", "requested_by": "", "total": 1}
    bulk = BulkCommand.create(requested_at=seen_at, next_at=seen_at, **values)
    BulkItem.create(bulk=bulk, charger=charger, state="waiting", requested_at=seen_at)
    ChargerNotice.create(charger=charger, topic=name, payload="{}", received_at=seen_at)
    Command.create(
        charger=charger,
        kind="reset",
        arguments="{}",
        state="accepted",
        requested_by="",
        requested_at=seen_at,
        deadline_at=seen_at,
    )
    SignIn.create(id=name, account=cast.ada, user_agent="", created_at=seen_at, last_seen_at=seen_at)
    UnknownCard.create(id_tag=name, token_type="", charger=charger, times=1, last_at=seen_at)
    UnmatchedEnd.create(
        charger=charger, key=name, number=1, id_tag="", ended_at=seen_at, reason="", readings="[]", received_at=seen_at
    )
    UnprocessableFact.create(charger=charger, received_at=seen_at, **text)
    UnrecognisedCharger.create(identity=name, address="", times=1, first_at=seen_at, last_at=seen_at)
    ends = {"created_at": seen_at, "expires_at": seen_at + timedelta(days=30)}
    Invitation.create(email=name, role="driver", token_hash=name, invited_by="", **ends)
    values = {"session": ChargingSession.select().first() or cast.start().number, "occasion": name}
    Notice.create(account=cast.ada, happened_at=seen_at, noted_at=seen_at, **values)
    PasswordReset.create(email="", token_hash=name, expires_at=ends["expires_at"])
    SentForm.create(digest=name, at=seen_at)
    Wall.create(name=name, token_hash=name, created_at=seen_at, ends_at=seen_at)


def test_each_table_has_its_age(cast: Cast, config: Config) -> None:
    with models.database.connection_context():
        fill(cast, LATER - timedelta(days=29), "new")
        fill(cast, NOW, "old")
        before = {model: model.select().count() for model in AGES}
    swept = sweep(config, LATER)
    with models.database.connection_context():
        after = {model: model.select().count() for model in AGES}

    assert {model: before[model] - after[model] for model in AGES} == dict.fromkeys(AGES, 1)
    assert swept.rows == {model._meta.table_name: 1 for model in AGES}
    assert "1 rows of sign_in deleted" in str(swept)


def test_bridge_of_a_charger_stays(cast: Cast, config: Config) -> None:
    sweep(config)
    with models.database.connection_context():
        assert [row.id for row in Bridge.select()] == ["bridge-1"]


def test_requests_go_with_their_session(cast: Cast, config: Config) -> None:
    number = cast.start().number
    cast.ingest.request_stop(number, cast.ada, NOW)
    cast.store(cast.ended(number, 60, 1100), seconds=60)
    with models.database.connection_context():
        limit = SessionLimit.create(session=number, kind="energy", value=100, set_at=NOW)
        StopRequest.update(limit=limit).execute()
        Command.create(
            charger=cast.charger,
            kind="start",
            arguments="{}",
            state="accepted",
            requested_by="",
            requested_at=NOW,
            deadline_at=NOW,
            session=number,
        )
    sweep(config, NOW + timedelta(days=395))
    with models.database.connection_context():
        assert [model.select().count() for model in (StopRequest, SessionLimit, Command)] == [1, 1, 1]
    sweep(config)
    with models.database.connection_context():
        assert [model.select().count() for model in (StopRequest, SessionLimit, Command)] == [0, 0, 0]


def test_every_table_has_a_decision() -> None:
    every = set(models.fields.BaseModel.__subclasses__())

    assert every == AGES.keys() | WITH_SESSION | STAYS.keys()
    assert not STAYS.keys() & (AGES.keys() | WITH_SESSION)


def test_no_statement_reads_a_whole_table(cast: Cast, config: Config, caplog: pytest.LogCaptureFixture) -> None:
    """By SQLite's plans; PostgreSQL has the same indexes, but reads small tables as a whole."""
    charged(cast)
    with models.database.connection_context():
        fill(cast, NOW, "old")
    with caplog.at_level(logging.DEBUG, logger="peewee"):
        sweep(config)
    executed = [record.msg for record in caplog.records if isinstance(record.msg, tuple)]
    statements = {sql: values for sql, values in executed if sql.startswith(("SELECT", "DELETE", "UPDATE"))}
    plans = [(sql, step) for sql, values in statements.items() for step in plan(sql, values)]

    assert len(statements) > 10
    assert [(sql, step) for sql, step in plans if step.startswith("SCAN")] == []


def plan(sql: str, values: Sequence[object]) -> list[str]:
    if models.database.obj.for_update:
        return []
    with models.database.connection_context():
        return [row[3] for row in models.database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
