"""Facts about sessions: stored once, owned for good, closed by the charger's own figures."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polaris import models
from polaris.domain.enums import Authorization
from polaris.domain.facts import ChargerBooted, ChargerNotified, ConnectorStatusChanged
from polaris.domain.metering import VALUES, Reading
from polaris.models import Account, ChargerNotice, EvCard, Tariff, UnprocessableFact
from tests.support.frames_of import notes
from tests.support.ingest_cast import NOW, Cast, at, readings, session, stop_states

pytestmark = pytest.mark.both_databases

_starts = itertools.count(1)


@pytest.mark.field(1)
def test_repeated_start_same_number(cast: Cast) -> None:
    first = cast.start()
    revision = session(first.number).revision
    assert cast.start() == first
    assert session(first.number).revision == revision


def test_owner_stays_with_starting_card(cast: Cast) -> None:
    started = cast.start(id_tag="ada-1")
    assert started.authorization is Authorization.ACCEPTED
    assert session(started.number).account_id == cast.ada
    with models.database.connection_context():
        EvCard.update(status="blocked").execute()
    assert session(started.number).account_id == cast.ada


@pytest.mark.field(7)
@pytest.mark.parametrize(
    ("prepare", "id_tag", "expected"),
    [
        (lambda: None, "NOBODY", Authorization.INVALID),
        (lambda: EvCard.update(status="blocked").execute(), "ADA-1", Authorization.BLOCKED),
        (lambda: Account.update(status="suspended").execute(), "ADA-1", Authorization.BLOCKED),
    ],
)
def test_refused_start_gets_session(cast: Cast, prepare, id_tag, expected) -> None:
    with models.database.connection_context():
        prepare()
    assert cast.ingest.authorize(id_tag, cast.charger, NOW).authorization is expected
    started = cast.start(id_tag=id_tag)
    assert started.authorization is expected
    assert started.number > 0


def test_card_charging_elsewhere(cast: Cast) -> None:
    cast.start()
    assert cast.start(connector=2, seconds=5).authorization is Authorization.ACCEPTED
    elsewhere = cast.start(charger_id=cast.other_charger, seconds=5)
    assert elsewhere.authorization is Authorization.CONCURRENT_TX


def test_readings_stored_once(cast: Cast) -> None:
    number = cast.start().number
    fact = cast.metered(number, 10, 1500, power_w=7200)
    cast.store(fact)
    revision = session(number).revision
    cast.store(fact)
    assert session(number).revision == revision
    assert [(r.energy_wh, r.power_w) for r in readings(number)] == [(500, 7200)]


def test_second_frame_of_one_instant(cast: Cast) -> None:
    number = cast.start().number
    first = cast.metered(number, 10, 1500)
    second = replace(first, readings=(replace(first.readings[0], register_wh=None, soc_percent=61),))
    for fact in (first, second, first, second):
        cast.store(fact)
    assert [(r.energy_wh, r.soc_percent) for r in readings(number)] == [(500, None), (None, 61)]
    assert (session(number).energy_wh, session(number).soc_percent) == (500, 61)


@pytest.mark.parametrize("name", VALUES)
def test_every_value_of_reading_is_kept(cast: Cast, name: str) -> None:
    number = cast.start().number
    other = "power_w" if name == "soc_percent" else "soc_percent"
    for seconds, value in ((10, 5), (20, 7)):  # the second by a frame of its own, after another value of its instant
        instant = Reading(at(seconds))
        for alone in ({name: value},) if seconds == 10 else ({other: 1}, {name: value}):
            fact = cast.metered(number, seconds, None)
            cast.store(replace(fact, readings=(replace(instant, **alone),)))
        assert value in [getattr(row, name) for row in readings(number) if row.sampled_at == at(seconds)]
        if name != "interval_wh" and hasattr(session(number), name):  # a session's is their sum
            assert getattr(session(number), name) == value


def test_two_readings_of_one_instant_in_frame(cast: Cast) -> None:
    number = cast.start().number
    fact = cast.metered(number, 10, 1500)
    power = replace(fact.readings[0], register_wh=None, power_w=7200)
    cast.store(replace(fact, readings=(*fact.readings, power)))
    assert [(r.energy_wh, r.power_w) for r in readings(number)] == [(500, 7200)]


def test_two_readings_of_one_instant_in_end(cast: Cast) -> None:
    number = cast.start().number
    begin = replace(cast.metered(number, 0, 1000).readings[0], context="Transaction.Begin")
    clock = replace(begin, context="Sample.Clock", power_w=10)
    last = replace(cast.metered(number, 600, 3000).readings[0], context="Transaction.End")
    cast.store(cast.ended(number, 600, 3000, readings=(begin, clock, last, last)))
    assert (session(number).state, session(number).energy_wh) == ("completed", 2000)
    assert [(r.energy_wh, r.is_final) for r in readings(number)] == [(0, False), (2000, True)]


def test_different_second_end_kept(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.ended(number, 600, 3000))
    late = cast.metered(number, 300, 2000).readings
    cast.store(cast.ended(number, 900, 9000, readings=late))
    assert (session(number).energy_wh, session(number).ended_at) == (2000, at(600))
    assert [(r.energy_wh, r.is_final) for r in readings(number)] == [(1000, False), (2000, True)]
    with models.database.connection_context():
        assert [fact.reason for fact in UnprocessableFact.select()] == ["session.ended while completed"]


def test_same_second_end_ignored(cast: Cast) -> None:
    number = cast.start().number
    for _ in "ab":
        cast.store(cast.ended(number, 600, 3000))
    with models.database.connection_context():
        assert not UnprocessableFact.select().exists()


def test_raw_payload_kept_whole(cast: Cast) -> None:
    raw = {"transactionData": ["x" * 1000] * 200}
    cast.store(replace(cast.ended(4711, 10, 5000), raw=raw))
    with models.database.connection_context():
        assert json.loads(UnprocessableFact.get().payload) == raw


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    said=st.lists(
        st.tuples(st.integers(0, 20), st.none() | st.integers(0, 5000), st.none() | st.integers(0, 9000)), max_size=6
    )
)
def test_repeated_readings_change_nothing(cast: Cast, said) -> None:
    number = cast.start(seconds=-next(_starts)).number
    fact = cast.metered(number, 0, 0)
    facts = [replace(fact, readings=(Reading(at(s), register_wh=wh, power_w=w),)) for s, wh, w in said]
    for one in facts:
        cast.store(one)
    before = (session(number).revision, session(number).energy_wh)
    for one in facts:
        cast.store(one)
    assert (session(number).revision, session(number).energy_wh) == before


def test_unnamed_readings_go_to_open_session(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(None, 10, 1500))
    assert session(number).energy_wh == 500


def test_no_note_on_unnamed_readings_that_do_not_count(cast: Cast) -> None:
    number = cast.start().number
    for minute in (1, 2):  # of a register that may be the session's, as far as is known
        cast.store(cast.metered(None, 60 * minute, 500_000 + 100 * minute))
    assert notes(number) == {"inferred", "start_missing"}
    for minute in (3, 4, 5):
        cast.store(cast.metered(number, 60 * minute, 1000 + 100 * minute))
    assert (session(number).energy_wh, notes(number)) == (500, {"readings_set_aside"})
    cast.store(cast.metered(None, 330, 500_500))
    assert notes(number) == {"readings_set_aside"}
    cast.store(cast.metered(None, 360, 1600))
    assert (session(number).energy_wh, notes(number)) == (600, {"inferred", "readings_set_aside"})


def test_gap_that_late_readings_fill_is_none(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 60, 1100))
    cast.store(cast.metered(number, 3000, 5000))
    assert notes(number) == {"gap"}
    cast.store(replace(cast.metered(number, 1500, 3000), received_at=at(3001)))
    assert notes(number) == {"replayed_offline"}


def test_end_closes_once(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 10, 1500))
    cast.store(cast.ended(number, 600, 5000))
    cast.store(cast.ended(number, 900, 9000))
    closed = session(number)
    assert (closed.state, closed.energy_wh, closed.ended_at, closed.stop_reason) == (
        "completed",
        4000,
        at(600),
        "Local",
    )
    assert [(r.energy_wh, r.is_final) for r in readings(number)] == [(500, False), (4000, True)]


@pytest.mark.field(22)
def test_readings_after_end_kept(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.ended(number, 600, 5000))
    cast.store(cast.metered(number, 600, 99_000))
    cast.store(cast.metered(number, 700, 99_000))
    assert (session(number).state, session(number).energy_wh) == ("completed", 4000)
    told = [(r.sampled_at, r.is_final, r.energy_wh, r.set_aside != "") for r in readings(number)]
    assert sorted(told) == [(at(600), False, None, True), (at(600), True, 4000, False), (at(700), False, 4000, False)]


@pytest.mark.field(14)
def test_new_start_closes_open_session(cast: Cast) -> None:
    first = cast.start().number
    cast.store(cast.metered(first, 10, 3000))
    assert cast.ingest.request_stop(first, cast.ada, at(12)) is None
    second = cast.start(id_tag="BEN-1", seconds=60).number
    assert (session(first).state, session(first).energy_wh, session(first).ended_at) == ("estimated", 2000, at(10))
    assert session(second).state == "active"
    cast.store(cast.ended(first, 50, 3500))
    closed = session(first)
    assert (closed.state, closed.energy_wh, closed.estimated_wh) == ("completed", 2500, 2000)


@pytest.mark.parametrize("number", [-1, 0, 4711, 2**31, -(2**40), 10**30])
def test_facts_of_unknown_session_kept(cast: Cast, number: int) -> None:
    cast.store(replace(cast.ended(number, 10, 5000), raw={"transactionId": number, "note": "<b>\0\ud800"}))
    cast.store(replace(cast.metered(number, 10, 5000), raw={}))
    with models.database.connection_context():
        facts = list(UnprocessableFact.select().order_by(UnprocessableFact.id))
    assert [fact.name for fact in facts] == ["session.ended", "session.metered"]
    assert "note" in facts[0].payload


def test_session_of_another_charger(cast: Cast) -> None:
    number = cast.start().number
    cast.store(replace(cast.ended(number, 10, 5000), charger_id=cast.other_charger))
    assert session(number).state == "active"


def test_bad_fact_does_not_fail_batch(cast: Cast) -> None:
    number = cast.start().number
    good = cast.metered(number, 10, 1500)
    poison = ConnectorStatusChanged(
        charger_id=cast.other_charger,
        received_at=NOW,
        connector=2**70,
        status="Available",
        error_code="",
        info="",
        at=None,
    )
    assert cast.store(poison, good) == [None, None]
    assert session(number).energy_wh == 500
    with models.database.connection_context():
        assert [fact.name for fact in UnprocessableFact.select()] == ["connector.status_changed"]


def test_tariff_in_force_at_start(cast: Cast) -> None:
    with models.database.connection_context():
        first = Tariff.get()
        values = {name: value for name, value in first.__data__.items() if name != "id"}
        Tariff.create(**values | {"valid_from_at": at(3600)})
    before, after = cast.start(connector=1).number, cast.start(connector=2, seconds=3600).number
    assert session(before).tariff_id == first.id
    assert session(after).tariff_id != first.id


@pytest.mark.field(75)
def test_connector_state_never_ends_session(cast: Cast) -> None:
    number = cast.start().number

    def status(value: str, seconds: float) -> ConnectorStatusChanged:
        return ConnectorStatusChanged(
            charger_id=cast.charger, received_at=at(seconds), connector=1, status=value, error_code="NoError", info="",
            at=at(seconds),
        )  # fmt: skip

    cast.store(cast.metered(number, 2, 1500, power_w=7000))
    cast.store(status("SuspendedEV", 10))
    cast.store(status("Charging", 5))  # older, and late
    assert session(number).connector_status == "SuspendedEV"
    assert session(number).power_w is None
    cast.store(status("Available", 20))
    assert (session(number).state, session(number).is_awaiting_end) == ("active", True)
    cast.store(status("Charging", 25))
    assert not session(number).is_awaiting_end
    cast.store(cast.metered(number, 30, 2000))
    assert not session(number).is_awaiting_end


@pytest.mark.field(23)
def test_boot_waits_for_final_reading(cast: Cast) -> None:
    number = cast.start().number
    cast.store(
        ChargerBooted(
            charger_id=cast.charger, received_at=at(5), vendor="V" * 999, model="M\0", serial="", firmware="1"
        )
    )
    assert (session(number).state, session(number).is_awaiting_end) == ("active", True)
    assert stop_states(number) == []


def test_latest_notice_per_topic_kept(cast: Cast) -> None:
    for status in ("Downloading", "Installed"):
        cast.store(ChargerNotified(charger_id=cast.charger, received_at=NOW, topic="Firmware", raw={"status": status}))
    with models.database.connection_context():
        assert [notice.payload for notice in ChargerNotice.select()] == ['{"status": "Installed"}']
