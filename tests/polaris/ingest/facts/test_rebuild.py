"""The rebuild of long sessions: put off, made beside the writer, and stored if nothing came meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from polaris import models
from polaris.domain.facts import Report, SessionReported
from polaris.domain.metering import BEGIN, Reading
from polaris.ingest.facts import meter_rows, rebuild
from polaris.ingest.facts.rebuild import MAX_AT_ONCE
from polaris.models import ChargingSession, EnergyCorrection, database
from tests.support.ingest_cast import Cast, at, readings, session

pytestmark = pytest.mark.both_databases

LAST_S = 10 * (MAX_AT_ONCE + 1)


def figures(number: int) -> tuple[Any, ...]:
    found = session(number)
    rows = [(row.sampled_at, row.register_wh, row.energy_wh, row.set_aside) for row in readings(number)]
    return found.state, found.energy_wh, found.needs_rebuild, rows


def long_session(cast: Cast) -> int:
    """A session with a reading each 10 s that adds 10 Wh, and a reset that came late: the last 200 Wh are new ones."""
    number = cast.start().number
    told = tuple(Reading(at(10 * index), register_wh=1000 + 10 * index) for index in range(1, MAX_AT_ONCE + 2))
    cast.store(replace(cast.metered(number, LAST_S, 0), readings=told))
    return number


def late(cast: Cast, number: int) -> None:
    cast.store(replace(cast.metered(number, LAST_S + 5, 0), readings=(Reading(at(45), register_wh=1042),)))


def energy_at(number: int, instant: datetime) -> int | None:
    return next(row.energy_wh for row in readings(number) if row.sampled_at == instant)


def test_readings_of_one_instant_load_in_order(cast: Cast) -> None:
    number = cast.start().number
    told = [Reading(at(10), register_wh=1500), Reading(at(10), register_wh=1400), Reading(at(10), BEGIN, 1000)]
    for seconds, reading in enumerate([Reading(at(20), register_wh=1600), *told], start=30):
        cast.store(replace(cast.metered(number, seconds, 0), readings=(reading,)))
    with models.database.connection_context():
        rows = meter_rows.load(session(number))
    assert [row.reading.register_wh for row in rows.values()] == [1000, 1500, 1400, 1600]


def test_late_reading_of_long_session(cast: Cast) -> None:
    number = long_session(cast)
    shown = session(number).energy_wh
    late(cast, number)
    assert session(number).needs_rebuild
    assert (session(number).energy_wh, energy_at(number, at(45))) == (shown, None)
    cast.store(cast.metered(number, LAST_S + 10, 1000 + LAST_S + 10))  # in order: it counts at once
    assert session(number).energy_wh == LAST_S + 10
    cast.ingest.rebuild_outdated(at(LAST_S + 20))
    assert not session(number).needs_rebuild
    assert (session(number).energy_wh, energy_at(number, at(45))) == (LAST_S + 10, 42)


def test_end_of_session_that_waits(cast: Cast) -> None:
    number = long_session(cast)
    late(cast, number)
    cast.store(cast.ended(number, LAST_S + 60, 1000 + LAST_S + 60))
    found = session(number)
    assert (found.state, found.energy_wh, found.needs_rebuild) == ("completed", LAST_S + 60, False)
    assert energy_at(number, at(45)) == 42


def test_late_reading_after_end_is_a_correction(cast: Cast) -> None:
    number = long_session(cast)
    cast.store(cast.ended(number, LAST_S + 60, None))
    before_wh = session(number).energy_wh
    late_rise = (Reading(at(LAST_S + 50), register_wh=1000 + LAST_S + 50),)
    cast.store(replace(cast.metered(number, LAST_S + 90, 0), readings=late_rise))
    assert session(number).energy_wh == before_wh
    cast.ingest.rebuild_outdated(at(LAST_S + 100))
    assert session(number).energy_wh == LAST_S + 50
    with models.database.connection_context():
        assert [(one.before_wh, one.after_wh) for one in EnergyCorrection.select()] == [(before_wh, LAST_S + 50)]


def test_nothing_of_meanwhile_is_lost(cast: Cast) -> None:
    number = long_session(cast)
    late(cast, number)
    with models.database.connection_context():
        made = rebuild.rebuild(number)
    cast.store(cast.metered(number, LAST_S + 10, 1000 + LAST_S + 10))
    before = figures(number)
    with models.database.connection_context(), database.atomic():
        assert not rebuild.store_rebuilt([], made, at(LAST_S + 11))
    assert figures(number) == before
    cast.ingest.rebuild_outdated(at(LAST_S + 20))
    assert session(number).energy_wh == LAST_S + 10
    assert not session(number).needs_rebuild


@pytest.mark.parametrize("has_ended", [False, True])
def test_late_event_of_long_transaction(cast: Cast, has_ended: bool) -> None:
    def event(seq_no: int, report: Report, told: tuple[Reading, ...], id_tag: str | None = None) -> SessionReported:
        return SessionReported(
            charger_id=cast.charger, received_at=at(LAST_S + seq_no), raw={"seqNo": seq_no}, transaction_id="t",
            seq_no=seq_no, report=report, at=told[0].sampled_at, connector=1, id_tag=id_tag, status="", reason="",
            is_offline=False, readings=told,
        )  # fmt: skip

    told = tuple(Reading(at(10 * index), register_wh=1000 + 10 * index) for index in range(1, MAX_AT_ONCE + 2))
    cast.store(event(0, Report.STARTED, (Reading(at(0), register_wh=1000),)))
    cast.store(event(2, Report.UPDATED, told))
    cast.store(event(1, Report.UPDATED, (Reading(at(5), register_wh=1004),), id_tag="ADA-1"))
    with models.database.connection_context():
        number = ChargingSession.get().number
    assert (session(number).account_id, energy_at(number, at(5))) == (None, None)
    if has_ended:
        cast.store(event(3, Report.ENDED, (Reading(at(LAST_S + 3), register_wh=1000 + LAST_S),)))
        assert (session(number).state, session(number).energy_wh) == ("completed", LAST_S)
    cast.ingest.rebuild_outdated(at(LAST_S + 20))
    assert (session(number).account_id, energy_at(number, at(5))) == (cast.ada, 4)
    assert session(number).energy_wh == LAST_S
