"""What was acknowledged and could not be used is kept: whole if it failed here, and not in favour of what strays."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from polaris import models
from polaris.domain.enums import Alarm
from polaris.ingest.facts import unmatched_ends, unprocessable
from polaris.models import ChargerNotice, UnmatchedEnd, UnprocessableFact
from tests.support.ingest_cast import Cast

FEW = 20


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprocessable, "MAX_ROWS", FEW)
    monkeypatch.setattr(unmatched_ends, "MAX_WAITING", FEW)
    unprocessable._kept.clear()


def alarms() -> list[str]:
    return [notice.topic for notice in ChargerNotice.select()]


def test_failed_fact_kept_whole(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprocessable, "MAX_FAILED_ROWS", FEW)
    payload = {"data": "x" * 200_000}
    failed = replace(cast.ended(-1, 60, None), raw=payload)
    with models.database.connection_context():
        unprocessable.keep_failed(failed, ValueError("nothing"))
        kept = UnprocessableFact.get()
        assert (kept.reason, len(kept.payload) > 200_000) == ("could not be applied: ValueError", True)
        for _ in range(FEW + 2 * unprocessable.DELETED_TOGETHER):
            unprocessable.keep(failed, "no such session")
        failures = UnprocessableFact.select().where(UnprocessableFact.reason.startswith("could"))
        assert failures.count() == 1
        ChargerNotice.delete().execute()
        for _ in range(FEW + 2 * unprocessable.DELETED_TOGETHER):
            unprocessable.keep_failed(failed, ValueError("nothing"))
        assert failures.count() <= FEW + unprocessable.DELETED_TOGETHER
        assert alarms() == [Alarm.UNPROCESSABLE]


def test_late_end_of_final_session_kept_whole(cast: Cast) -> None:
    with models.database.connection_context():
        unprocessable.keep(replace(cast.ended(1, 60, None), raw={"data": "x" * 60_000}), unprocessable.FINAL)
        assert len(UnprocessableFact.get().payload) > 60_000


def test_chargers_in_lockstep_both_bounded(cast: Cast) -> None:
    """Ids are counted for all: of two chargers in turn, one would never have an id that is a multiple."""
    chargers = (cast.charger, cast.other_charger)
    with models.database.connection_context():
        for _ in range(FEW + 2 * unprocessable.DELETED_TOGETHER):
            for charger in chargers:
                unprocessable.keep(cast.ended(1, 60, None, charger_id=charger), "no such session")
        for charger in chargers:
            kept = UnprocessableFact.select().where(UnprocessableFact.charger == charger).count()
            assert kept <= FEW + unprocessable.DELETED_TOGETHER


def test_dropped_ends_raise_alarm(cast: Cast) -> None:
    with models.database.connection_context():
        for number in range(FEW + 1):
            assert not alarms()
            assert unmatched_ends.keep(cast.ended(-1, 60, number))
        assert UnmatchedEnd.select().count() == FEW
        assert alarms() == [Alarm.UNPROCESSABLE]
