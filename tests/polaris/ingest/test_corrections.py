"""Figures that are made out again from what is stored, with the power that holds now."""

from __future__ import annotations

import pytest

from polaris import models
from polaris.domain.facts import Report, SessionReported
from polaris.domain.metering import Reading
from polaris.ingest import Recomputed
from polaris.models import AuditEntry, Charger, ChargingSession, EnergyCorrection
from tests.support.ingest_cast import Cast, at, readings, session

pytestmark = [pytest.mark.both_databases, pytest.mark.field(107)]


def update(**columns: object) -> None:
    with models.database.connection_context():
        ChargingSession.update(**columns).execute()


def bound(power_w: int | None) -> None:
    with models.database.connection_context():
        Charger.update(max_power_w=power_w).execute()


def corrections() -> list[tuple[str, int | None, int | None, str]]:
    with models.database.connection_context():
        rows = EnergyCorrection.select().order_by(EnergyCorrection.id)
        return [(row.kind, row.before_wh, row.after_wh, row.actor) for row in rows]


def recompute(cast: Cast, number: int) -> Recomputed:
    found = cast.ingest.recompute(number, "Olga", at(9000))
    assert found is not None
    return found


def charged_50_kwh(cast: Cast) -> int:
    """A session of an hour, at 50 kW."""
    number = cast.start().number
    for minute in range(10, 60, 10):
        cast.store(cast.metered(number, 60 * minute, 1000 + 50_000 * minute // 60))
    cast.store(cast.ended(number, 3600, 51_000))
    return number


def test_bound_of_power_read_anew(cast: Cast) -> None:
    bound(11_000)
    number = charged_50_kwh(cast)
    assert session(number).energy_wh is None
    bound(60_000)
    assert session(number).energy_wh is None  # until it is recomputed
    found = recompute(cast, number)
    assert (found.before_wh, found.after_wh) == (None, 50_000)
    assert session(number).energy_wh == 50_000
    assert {row.set_aside for row in readings(number)} == {""}
    assert corrections() == [("recomputed", None, 50_000, "Olga")]
    bound(11_000)
    assert recompute(cast, number).after_wh is None
    assert session(number).energy_wh is None


def test_running_session_goes_on_with_new_bound(cast: Cast) -> None:
    bound(11_000)
    number = cast.start().number
    for minute in (10, 20, 30):
        cast.store(cast.metered(number, 60 * minute, 1000 + 50_000 * minute // 60))
    bound(60_000)
    assert recompute(cast, number).after_wh == 25_000
    cast.store(cast.metered(number, 2400, 1000 + 50_000 * 40 // 60))
    assert session(number).energy_wh == 33_333
    assert corrections() == []
    with models.database.connection_context():
        assert AuditEntry.select().where(AuditEntry.action == "session.recomputed").count() == 1


def test_paused_session_stays_paused(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 600, 2000, power_w=7000))
    update(power_w=None, energy_wh=999)
    assert recompute(cast, number).after_wh == 1000
    assert session(number).power_w is None


def test_figures_as_told_stay(cast: Cast) -> None:
    number = charged_50_kwh(cast)
    before = session(number)
    assert not recompute(cast, number).is_outdated
    assert session(number).revision == before.revision
    update(meter="")  # after an upgrade
    assert not recompute(cast, number).is_outdated
    assert session(number).revision == before.revision
    assert corrections() == []


def test_estimate_recomputed(cast: Cast) -> None:
    number = cast.start().number
    cast.store(cast.metered(number, 600, 2000))
    cast.start(id_tag="BEN-1", seconds=700)
    assert session(number).state == "estimated"
    update(energy_wh=1, meter="")
    assert recompute(cast, number).after_wh == 1000
    assert (session(number).state, session(number).ended_at) == ("estimated", at(600))
    assert corrections() == [("recomputed", 1, 1000, "Olga")]


def test_ocpp_2_recomputed(cast: Cast) -> None:
    for seq_no, report in enumerate((Report.STARTED, Report.UPDATED, Report.ENDED)):
        event = SessionReported(
            charger_id=cast.charger,
            received_at=at(600 * seq_no),
            raw={"seqNo": seq_no},
            transaction_id="t",
            seq_no=seq_no,
            report=report,
            at=at(600 * seq_no),
            connector=1,
            id_tag="ADA-1",
            status="",
            reason="Local",
            is_offline=False,
            readings=(Reading(at(600 * seq_no), register_wh=4_000_000 + 1000 * seq_no),),
        )
        cast.store(event, seconds=600 * seq_no)
    with models.database.connection_context():
        number = ChargingSession.get().number
    assert session(number).energy_wh == 2000
    assert not recompute(cast, number).is_outdated
    update(energy_wh=4_002_000, meter="")
    assert recompute(cast, number).after_wh == 2000
    assert (session(number).energy_wh, session(number).ended_at) == (2000, at(1200))


def test_unknown_number(cast: Cast) -> None:
    assert cast.ingest.recompute(4711, "Olga", at(0)) is None
    assert cast.ingest.recompute(4711, "Olga", at(0), is_dry=True) is None
