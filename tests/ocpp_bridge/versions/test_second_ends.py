"""A session's end that is told twice: the right one counts in every version, whichever comes first."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from polaris.models import EnergyCorrection
from polaris.web.sessions.why import why
from tests.support.depot import Depot, now, readings, session
from tests.support.frames_of import at, notes, value
from tests.support.telling import WAYS, Telling, telling

pytestmark = [pytest.mark.field(9), pytest.mark.both_databases]

LIFETIME_WH = 1_000_000
TRUE_END_WH = LIFETIME_WH + 6000
SAMPLED = (15, 30, 45)


async def _told(charger: Telling, samples: tuple[int, ...], *ends: tuple[int, float]) -> None:
    await charger.start(LIFETIME_WH)
    for minutes in samples:
        await charger.tell(value(minutes, LIFETIME_WH + 100 * minutes))
    for register_wh, minutes in ends:
        await charger.end(register_wh, minutes)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("samples", "wrong_wh"), [(SAMPLED, 0), (SAMPLED, 2**32 - 1), ((), 2**32 - 1), ((), LIFETIME_WH), ((), 0)]
)
async def test_right_end_replaces_wrong_one(depot: Depot, way: str, samples: tuple[int, ...], wrong_wh: int) -> None:
    async with telling(depot, way) as charger:
        await _told(charger, samples, (wrong_wh, 59), (TRUE_END_WH, 60))
        found = session(charger.number)
        assert (found.state, found.energy_wh) == ("completed", 6000)
        assert found.ended_at == datetime.fromisoformat(at(60))
        ends = [(row.register_wh, row.set_aside) for row in readings(charger.number) if row.is_final]
        assert ends == [(wrong_wh, "contradicted"), (TRUE_END_WH, "")]
        assert "final_doubted" in notes(charger.number)
        assert [one.kind for one in EnergyCorrection.select().where(EnergyCorrection.session == found)] == ["late_end"]
        explained = why(found.number, now(), timedelta(minutes=5))
        assert explained is not None
        assert (explained.late, explained.derivation.steps[-1].last.wh) == (0, TRUE_END_WH)
        for register_wh, minutes in ((TRUE_END_WH, 60), (wrong_wh, 59), (TRUE_END_WH + 500, 61)):  # told again, or anew
            await charger.end(register_wh, minutes)
        assert (session(found.number).energy_wh, session(found.number).ended_at) == (6000, found.ended_at)


@pytest.mark.parametrize("way", WAYS)
async def test_end_that_counts_stays(depot: Depot, way: str) -> None:
    async with telling(depot, way) as charger:
        await _told(charger, SAMPLED, (TRUE_END_WH, 60), (0, 61), (2**32 - 1, 62), (TRUE_END_WH, 63))
        found = session(charger.number)
        assert (found.energy_wh, found.ended_at) == (6000, datetime.fromisoformat(at(60)))


@pytest.mark.parametrize("way", WAYS)
async def test_two_wrong_ends(depot: Depot, way: str) -> None:
    async with telling(depot, way) as charger:
        await _told(charger, SAMPLED, (0, 59), (2**32 - 1, 60))
        found = session(charger.number)
        assert (found.energy_wh, found.ended_at) == (4500, datetime.fromisoformat(at(59)))
        await charger.end(TRUE_END_WH, 61)
        found = session(charger.number)
        assert (found.energy_wh, found.ended_at) == (6000, datetime.fromisoformat(at(61)))


async def test_end_after_the_next_start_is_not_taken(depot: Depot) -> None:
    async with telling(depot, "ocpp1.6") as charger:
        await _told(charger, (), (LIFETIME_WH, 10))
        first = charger.number
        await charger.start(LIFETIME_WH, 20)
        charger.number = first
        await charger.end(TRUE_END_WH, 60)
        assert session(first).energy_wh == 0
