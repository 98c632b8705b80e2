"""Sessions by days: the rows are what adding the readings up gives, whatever came late or was changed since."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polaris import models
from polaris.domain.days import DaySum, Sums
from polaris.domain.tariff import estimate
from polaris.ingest import days
from polaris.models import ChargingSession, MeterReading, SessionDay, SessionNote, Site
from tests.support import plans
from tests.support.ingest_cast import NOW, Cast, at, session

pytestmark = pytest.mark.both_databases

HOUR = 3600
# NOW is noon in UTC on a Monday; in Kiritimati, 14 hours ahead, midnight comes 22 hours after it, in New York 17.
ZONES = ("UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu")
FIRST = date(2026, 11, 23)
LATER = 10 * 86400
_numbers = itertools.count(1)


def set_zone(name: str) -> None:
    with models.database.connection_context():
        Site.update(time_zone=name).execute()


def add_up(cast: Cast, seconds: float = LATER) -> None:
    while cast.ingest.add_up_days(at(seconds)):
        pass


def stored(number: int) -> list[tuple[date, int | None, str, int | None]]:
    columns = (SessionDay.day, SessionDay.energy_wh, SessionDay.currency, SessionDay.amount)
    with models.database.connection_context():
        return list(SessionDay.select(*columns).where(SessionDay.session == number).order_by(SessionDay.day).tuples())


@models.blocking
def summed(account_id: int, seconds: float = LATER, from_day: date = FIRST) -> Sums:
    return days.of_account(account_id, from_day, at(seconds))


def overnight(cast: Cast, **values: object) -> int:
    """A session of 20 hours and as many kWh, from noon on."""
    number = cast.start(**values).number  # type: ignore[arg-type]
    for hour in range(1, 20):
        cast.store(cast.metered(number, hour * HOUR, 1000 + hour * 1000))
    cast.store(cast.ended(number, 20 * HOUR, 21_000))
    return number


def test_ended_session_is_split_at_midnight(cast: Cast) -> None:
    number = overnight(cast)
    add_up(cast)
    # (12 × 0.39 + 0.35) × 1.19 = 5.9857, and (20 × 0.39 + 0.35) × 1.19 = 9.6985.
    assert stored(number) == [(FIRST, 12_000, "EUR", 599), (date(2026, 11, 24), 8000, "EUR", 371)]
    assert session(number).has_days


def test_session_that_goes_on_is_split_when_it_is_looked_at(cast: Cast) -> None:
    number = cast.start().number
    for hour, wh in ((11, 12_000), (13, 16_000)):
        cast.store(cast.metered(number, hour * HOUR, wh))
    add_up(cast, 13 * HOUR)
    assert stored(number) == []
    assert [one[:3] for one in summed(cast.ada, 13 * HOUR).days] == [
        (FIRST, "EUR", 13_000),
        (date(2026, 11, 24), "EUR", 2000),
    ]
    assert summed(cast.ben).days == []


def test_session_is_counted_once_before_and_after_it_is_added_up(cast: Cast) -> None:
    overnight(cast)
    before = summed(cast.ada)
    add_up(cast)
    assert summed(cast.ada) == before
    assert [one.energy_wh for one in before.days] == [12_000, 8000]


def test_changed_session_is_added_up_anew(cast: Cast) -> None:
    set_zone("Asia/Kathmandu")  # where midnight comes after six hours and a quarter
    number = overnight(cast)
    add_up(cast)
    assert [row[1] for row in stored(number)] == [6250, 13_750]
    cast.store(cast.metered(number, 6 * HOUR + 900, 7100), seconds=LATER)
    assert not session(number).has_days
    changed = summed(cast.ada)
    assert [one.energy_wh for one in changed.days] == [6100, 13_900]
    add_up(cast)
    assert [row[1] for row in stored(number)] == [6100, 13_900]
    assert summed(cast.ada) == changed
    cast.ingest.set_energy(number, Decimal(40), "meter read by hand", actor="olga", now=at(LATER))
    add_up(cast)
    assert [row[1] for row in stored(number)] == [12_200, 27_800]


def test_energy_that_is_not_known_is_counted_apart(cast: Cast) -> None:
    number = overnight(cast)
    with models.database.connection_context():
        ChargingSession.update(energy_wh=None).where(ChargingSession.number == number).execute()
    unknown = [DaySum(FIRST, "", 0, 0, 1)]
    assert summed(cast.ada).days == unknown
    add_up(cast)
    assert stored(number) == [(FIRST, None, "", None)]
    assert summed(cast.ada).days == unknown


def test_session_that_changes_meanwhile_keeps_no_outdated_days(cast: Cast) -> None:
    number = overnight(cast)
    with models.database.connection_context():
        split = days.outdated(at(LATER))
    cast.store(cast.metered(number, 12 * HOUR - 1800, 13_499), seconds=LATER)
    with models.database.connection_context(), models.database.atomic():
        days.store([], split)
    assert (stored(number), session(number).has_days) == ([], False)


def test_sessions_of_before_are_added_up_in_turns(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = []
    for index in range(days.MAX_SESSIONS + 5):
        numbers.append(cast.start(seconds=index * 60).number)
        cast.store(cast.ended(numbers[-1], index * 60 + 30, 1050), seconds=index * 60 + 30)
    assert summed(cast.ada).is_incomplete
    assert cast.ingest.add_up_days(at(LATER))
    assert [number for number in numbers if stored(number) == []] == numbers[:5]  # the newest come first
    assert not cast.ingest.add_up_days(at(LATER))
    sums = summed(cast.ada)
    assert not sums.is_incomplete
    assert sum(one.energy_wh for one in sums.days) == 50 * len(numbers)


def test_deleted_session_takes_its_days_along(cast: Cast) -> None:
    number = overnight(cast)
    add_up(cast)
    with models.database.connection_context():
        for model in (MeterReading, SessionNote):
            model.delete().where(model.session == number).execute()
        ChargingSession.delete().where(ChargingSession.number == number).execute()
    assert stored(number) == []


def test_final_session_keeps_its_days(cast: Cast) -> None:
    number = overnight(cast)
    add_up(cast)
    before = stored(number)
    with models.database.connection_context():
        ChargingSession.update(final_at=at(LATER)).where(ChargingSession.number == number).execute()
    cast.store(cast.metered(number, 12 * HOUR - 1800, 13_499), seconds=LATER)
    add_up(cast)
    assert stored(number) == before


def test_days_are_found_by_indexes(cast: Cast) -> None:
    overnight(cast)
    with plans.executed() as statements:
        summed(cast.ada)
        add_up(cast)
        summed(cast.ada)
    assert plans.full_scans(statements) == []


def added_up(readings: list[tuple[datetime, int]], zone: str) -> dict[date, Fraction]:
    """Add up the energy of each day from the readings, a quarter of an hour at a time: no day begins within one."""
    of_day: defaultdict[date, Fraction] = defaultdict(Fraction)
    for (from_at, from_wh), (to_at, to_wh) in pairwise(readings):
        quarter, here = timedelta(minutes=15), from_at
        while here < to_at:
            following = min(to_at, NOW + ((here - NOW) // quarter + 1) * quarter)
            part = Fraction((following - here) // timedelta(seconds=1), (to_at - from_at) // timedelta(seconds=1))
            of_day[here.astimezone(ZoneInfo(zone)).date()] += (to_wh - from_wh) * part
            here = following
    return of_day


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(ZONES),
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 100)), min_size=1, max_size=12),
    st.permutations(range(12)),
    st.booleans(),
    st.booleans(),
)
def test_days_are_what_adding_the_readings_up_gives(
    cast: Cast, zone: str, steps: list[tuple[int, int]], order: list[int], is_looked_at: bool, is_recomputed: bool
) -> None:
    """In any order of arrival, with an end that comes before its readings, and after a recomputation."""
    set_zone(zone)
    begin = next(_numbers) * 20 * 86400
    number, seconds, wh = cast.start(seconds=begin).number, begin, 1000
    facts, points = [], [(at(begin), 0)]
    for minutes, percent in steps:  # of 22 kW
        seconds, wh = seconds + minutes * 60, wh + minutes * 22_000 * percent // 6000
        points.append((at(seconds), wh - 1000))
        facts.append(cast.metered(number, seconds, wh))
    end = cast.ended(number, seconds, wh)
    facts = [*facts[:-1], end]
    for index in order:
        if index < len(facts):
            cast.store(facts[index], seconds=seconds)
        if is_looked_at:
            add_up(cast, seconds)
    if is_recomputed:
        cast.ingest.recompute(number, actor="olga", now=at(seconds))
    found = session(number)
    live = [(one.day, one.energy_wh) for one in summed(cast.ada, seconds, at(begin).date() - timedelta(days=1)).days]
    add_up(cast, seconds)

    assert found.energy_wh == wh - 1000
    rows = stored(number)
    expected = added_up(points, zone)
    assert sum(row[1] or 0 for row in rows) == wh - 1000
    assert all(abs((energy_wh or 0) - expected.get(day, 0)) <= 1 for day, energy_wh, _, _ in rows)
    assert {day for day, energy in expected.items() if energy >= 1} <= {row[0] for row in rows}
    assert live == [(row[0], row[1]) for row in rows]
    with models.database.connection_context():
        cost = estimate(found.tariff.prices(), found.usage(at(seconds)), is_idle_refusal=False)
    assert cost is not None
    assert sum(row[3] or 0 for row in rows) == cost.amount * 100
