"""Corrections of ended sessions: however many readings come late, their rows are few."""

from __future__ import annotations

from decimal import Decimal

import pytest

from polaris import models
from polaris.domain.facts import Report, SessionReported
from polaris.domain.metering import Reading
from polaris.models import ChargingSession, EnergyCorrection
from tests.support.ingest_cast import Cast, at, session

pytestmark = [pytest.mark.both_databases, pytest.mark.field(107)]


def corrections() -> list[tuple[str, int | None, int | None]]:
    with models.database.connection_context():
        rows = EnergyCorrection.select().order_by(EnergyCorrection.id)
        return [(row.kind, row.before_wh, row.after_wh) for row in rows]


def ended_without_register(cast: Cast) -> int:
    number = cast.start().number
    cast.store(cast.metered(number, 60, 1100))
    cast.store(cast.ended(number, 3600, None))
    assert session(number).energy_wh == 100
    return number


def test_late_readings_in_a_row_are_one_correction(cast: Cast) -> None:
    number = ended_without_register(cast)
    for minute in range(2, 52):
        cast.store(cast.metered(number, 60 * minute, 1000 + 100 * minute))
    assert session(number).energy_wh == 5100
    assert corrections() == [("late_readings", 100, 5100)]
    with models.database.connection_context():
        assert EnergyCorrection.get().at == at(51 * 60)


def test_other_correction_between_late_readings(cast: Cast) -> None:
    number = ended_without_register(cast)
    cast.store(cast.metered(number, 120, 1200))
    cast.ingest.set_energy(number, Decimal(1), "a guess", "Olga", at(4000))
    cast.store(cast.metered(number, 180, 1300))  # the operator's figure counts
    cast.ingest.set_energy(number, None, "a slip", "Olga", at(4001))
    cast.store(cast.metered(number, 240, 1400))
    assert corrections() == [
        ("late_readings", 100, 200),
        ("set", 200, 1000),
        ("set", 1000, 300),
        ("late_readings", 300, 400),
    ]


def tell(cast: Cast, seq_no: int, report: Report, register_wh: int | None) -> None:
    """Tell an event of OCPP 2.x, at `seq_no` × ten minutes."""
    instant = at(600 * seq_no)
    readings = () if register_wh is None else (Reading(instant, register_wh=register_wh),)
    cast.store(
        SessionReported(
            charger_id=cast.charger,
            received_at=at(3600),
            raw={"seqNo": seq_no},
            transaction_id="t",
            seq_no=seq_no,
            report=report,
            at=instant,
            connector=1,
            id_tag="ADA-1",
            status="",
            reason="Local",
            is_offline=False,
            readings=readings,
        ),
        seconds=3600,
    )


def test_late_events_of_ended_session_are_one_correction(cast: Cast) -> None:
    tell(cast, 4, Report.UPDATED, 5000)
    tell(cast, 5, Report.ENDED, 6000)
    for seq_no in (3, 2, 1):
        tell(cast, seq_no, Report.UPDATED, 1000 + 1000 * seq_no)
    tell(cast, 0, Report.STARTED, 1000)
    with models.database.connection_context():
        assert ChargingSession.get().energy_wh == 5000
    assert corrections() == [("late_readings", 1000, 5000)]


def test_late_end_of_running_session_is_none(cast: Cast) -> None:
    tell(cast, 0, Report.STARTED, 1000)
    tell(cast, 2, Report.UPDATED, 2000)
    tell(cast, 1, Report.ENDED, 1500)
    with models.database.connection_context():
        assert ChargingSession.get().state == "completed"
    assert corrections() == []
