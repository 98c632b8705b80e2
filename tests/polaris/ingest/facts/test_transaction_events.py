"""Events of OCPP 2.x: whatever comes, in whatever order and however often, ends in the same session."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polaris import models
from polaris.domain.facts import Report, SessionReported
from polaris.domain.metering import BEGIN, END, Reading
from polaris.domain.raw_payload import RawPayload
from polaris.models import Charger, ChargingSession, TransactionEvent, UnprocessableFact
from tests.support.ingest_cast import Cast, at, readings

pytestmark = pytest.mark.both_databases

_numbers = itertools.count(1)


def event(seq_no: int | None, report: Report = Report.UPDATED, **values: Any) -> SessionReported:
    """An event at `seq_no` minutes; `wh` is its register, of that instant."""
    seconds = 60 * (seq_no or 0)
    wh = values.pop("wh", None)
    power_w = values.pop("power_w", None)
    rest: dict[str, Any] = {
        "charger_id": 0,
        "received_at": at(4000),
        "raw": {"seqNo": seq_no, "wh": wh, "report": report, **values},
        "transaction_id": "t",
        "at": at(seconds),
        "connector": 0,
        "id_tag": None,
        "status": "",
        "reason": "Local",
        "is_offline": False,
        "readings": () if wh is None else (Reading(at(seconds), register_wh=wh, power_w=power_w),),
    }
    return SessionReported(seq_no=seq_no, report=report, **(rest | values))


def test_same_seq_no_with_endless_number(cast: Cast) -> None:
    endless = '{"seqNo":1,"custom":' + "9" * 5000 + ',"wh":%d}'
    for seq_no, report, wh in ((0, Report.STARTED, 1000), (1, Report.UPDATED, 1100), (1, Report.UPDATED, 1200)):
        raw = RawPayload(f'[2,"1","TransactionEvent",{endless % wh}]', len('[2,"1","TransactionEvent",'))
        cast.store(event(seq_no, report, wh=wh, charger_id=cast.charger, raw=raw))
    with models.database.connection_context():
        assert [one.seq_no for one in TransactionEvent.select().order_by(TransactionEvent.id)] == [0, 1, None]
        assert not UnprocessableFact.select().exists()


@st.composite
def _readings_at(draw: st.DrawFn, seq_no: int, count: int, register: int) -> tuple[Reading, ...]:
    """The figures of an event: none, the register, or an interval that says a little more than that."""
    context = {0: BEGIN, count - 1: END}.get(seq_no, "")
    reading = Reading(at(60 * seq_no), context, register_wh=register)
    interval = Reading(at(60 * seq_no), interval_wh=510) if context == "" else reading
    return draw(st.sampled_from([(), (reading,), (interval,)]))


@st.composite
def _histories(draw: st.DrawFn) -> list[SessionReported]:
    """A session as a charger tells it, from which any event may be lost: cards, places and readings where they like."""
    count = draw(st.integers(2, 6))
    register, events = draw(st.sampled_from([0, 1000])), []
    for seq_no in range(count):
        report = {0: Report.STARTED, count - 1: Report.ENDED}.get(seq_no, Report.UPDATED)
        register += draw(st.integers(1, 500))
        values = {
            "readings": draw(_readings_at(seq_no, count, register)),
            "connector": draw(st.sampled_from([0, 1])),
            "id_tag": draw(st.sampled_from([None, None, "ADA-1", "BEN-1"])),
            "status": draw(st.sampled_from(["", "Charging", "SuspendedEV"])),
        }
        events.append(event(seq_no, report, **values))
    kept = draw(st.lists(st.sampled_from(events), min_size=1, unique_by=lambda e: e.seq_no))
    return sorted(kept, key=lambda e: e.seq_no or 0)


@pytest.mark.field(79)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_order_and_repeats_same_session(cast: Cast, data: st.DataObject) -> None:
    history = data.draw(_histories())
    shuffled = data.draw(st.permutations(history))
    repeats = data.draw(st.lists(st.sampled_from(history), max_size=3))
    assert _told(cast, [*shuffled, *repeats]) == _told(cast, history)


def _told(cast: Cast, history: list[SessionReported]) -> dict[str, Any]:
    """Tell a history by a charger of its own; return what became of it."""
    with models.database.connection_context():
        name = f"told-{next(_numbers)}"
        charger = Charger.create(identity=name, name=name, site=1, key_hash="", key_version=1)
    for seconds, one in enumerate(history, start=4000):
        cast.store(replace(one, charger_id=charger.id, received_at=at(seconds)))
    found = _session(charger.id)
    with models.database.connection_context():  # so that the next charger does not find its card charging
        ChargingSession.update(state="completed").where(ChargingSession.number == found.number).execute()
    rows = readings(found.number)
    names = ("state", "connector", "id_tag", "account_id", "started_at", "ended_at", "energy_wh", "stop_reason")
    return {
        **{
            name: getattr(found, name)
            for name in (*names, "meter_start_wh", "is_start_inferred", "last_reading_at", "over_at")
        },
        "rows": [(r.sampled_at, r.register_wh, r.energy_wh, r.is_final) for r in rows],
        "events": {e.seq_no for e in _events(charger.id)},
    }


def test_batch_equals_one_by_one(cast: Cast) -> None:
    """The many that are stored together, and the few beside them: one comes late, one brings another state."""
    chargers = [cast.charger, cast.other_charger]
    for charger in chargers:
        start = event(0, Report.STARTED, wh=1000, connector=1, id_tag="ADA-1", status="Charging")
        cast.store(replace(start, charger_id=charger))
    for seq_no, status in [(2, "Charging"), (3, ""), (1, ""), (4, "SuspendedEV"), (4, "SuspendedEV"), (5, "")]:
        one = event(seq_no, wh=1000 + 100 * seq_no, power_w=seq_no, status=status)
        assert cast.store(*(replace(one, charger_id=charger) for charger in chargers)) == [None, None]
    for charger in chargers:
        found = _session(charger)
        assert (found.energy_wh, found.power_w, found.connector_status) == (500, 5, "SuspendedEV")
        assert [(r.register_wh, r.energy_wh) for r in readings(found.number)] == [
            (1000 + wh, wh) for wh in range(0, 600, 100)
        ]
        assert [e.seq_no for e in _events(charger)] == [0, 2, 3, 1, 4, 5]


@pytest.mark.field(83)
def test_transaction_id_per_charger(cast: Cast) -> None:
    numbers = set()
    for charger in (cast.charger, cast.other_charger):
        cast.store(replace(event(0, Report.STARTED, wh=10), charger_id=charger))
        numbers.add(_session(charger).number)
    assert len(numbers) == 2


def _session(charger_id: int) -> ChargingSession:
    with models.database.connection_context():
        return ChargingSession.get(ChargingSession.charger == charger_id)


def _events(charger_id: int) -> list[TransactionEvent]:
    with models.database.connection_context():
        query = TransactionEvent.select().where(TransactionEvent.charger == charger_id)
        return list(query.order_by(TransactionEvent.id))
