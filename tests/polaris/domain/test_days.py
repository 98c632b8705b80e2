"""Days of a session: they begin at the site's midnight, and add up to the session's energy and cost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.days import MAX_DAYS, Day, midnights, split
from polaris.domain.price_windows import Schedule
from polaris.domain.tariff import Prices, cost
from polaris.domain.usage import Usage, energies_by
from polaris.domain.window_text import read

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = [UTC, AMSTERDAM, ZoneInfo("America/Havana"), ZoneInfo("Asia/Beirut"), ZoneInfo("Pacific/Apia")]
PRICES = Prices("EUR", Decimal("0.39"), per_session=Decimal("0.35"), tax_percent=Decimal(19))
NIGHT = Schedule("Europe/Amsterdam", read(("daily 00:00-06:00 0.20 per kWh, 0.01 per minute",), Decimal(0)))
WINDOWS = Prices("EUR", Decimal("0.40"), Decimal("0.013"), idle_per_minute=Decimal("0.10"), schedule=NIGHT)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


def used(begin: str, end: str, energy_wh: int | None) -> Usage:
    return Usage(energy_wh, local(begin), local(end), energy_wh)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)],
)
def test_days_have_23_24_and_25_hours(day: date, hours: int) -> None:
    """An even flow gives each day as many kWh as it has hours."""
    started_at = local(f"{day - timedelta(days=1)}T23:00")
    until_at = started_at + timedelta(hours=hours + 2)
    points = [(until_at, (hours + 2) * 1000)]
    by_midnight = energies_by(started_at, points, midnights(AMSTERDAM, started_at, until_at))
    usage = Usage((hours + 2) * 1000, started_at, until_at, (hours + 2) * 1000)

    parts = split(usage, None, AMSTERDAM, by_midnight, is_idle_refusal=False)

    assert [(part.day, part.energy_wh) for part in parts] == [
        (day - timedelta(days=1), 1000),
        (day, hours * 1000),
        (day + timedelta(days=1), 1000),
    ]


def test_a_day_costs_what_the_session_does_more_by_its_end() -> None:
    usage = used("2026-06-01T22:00", "2026-06-02T02:00", 4000)
    first, second = split(usage, PRICES, AMSTERDAM, (1000,), is_idle_refusal=False)
    assert first == Day(date(2026, 6, 1), 1000, 88)  # (0.39 + 0.35) × 1.19 = 0.8806, with the fee
    assert second == Day(date(2026, 6, 2), 3000, 139)  # up to 2.2729
    assert split(usage, None, AMSTERDAM, (1000,), is_idle_refusal=False)[1].amount is None
    assert split(usage, PRICES, AMSTERDAM, (1000,), is_idle_refusal=True)[0].amount is None


def test_a_day_without_energy_has_its_time() -> None:
    usage = Usage(0, local("2026-06-01T23:00"), local("2026-06-02T01:00"), 0)
    parts = split(usage, WINDOWS, AMSTERDAM, (0,), is_idle_refusal=False)
    assert [part.amount for part in parts] == [78, 60]  # an hour of 0.013 a minute, and one of 0.01


def test_an_operators_figure_is_split_as_the_meters_is() -> None:
    usage = Usage(6001, local("2026-06-01T22:00"), local("2026-06-02T02:00"), 4000)
    parts = split(usage, PRICES, AMSTERDAM, (1000,), is_idle_refusal=False)
    assert [part.energy_wh for part in parts] == [1500, 4501]


def test_an_energy_that_no_reading_has_is_split_by_time() -> None:
    usage = Usage(4000, local("2026-06-01T23:00"), local("2026-06-02T03:00"), 0)
    parts = split(usage, PRICES, AMSTERDAM, (), is_idle_refusal=False)
    assert [part.energy_wh for part in parts] == [1000, 3000]


def test_an_energy_that_is_not_known_is_of_the_first_day() -> None:
    usage = used("2026-06-01T22:00", "2026-06-03T02:00", None)
    assert split(usage, PRICES, AMSTERDAM, (), is_idle_refusal=False) == [Day(date(2026, 6, 1), None, None)]


def test_a_session_without_an_end_is_bounded() -> None:
    usage = used("2020-01-01T00:00", "2026-01-01T00:00", 4000)
    assert len(split(usage, PRICES, AMSTERDAM, (), is_idle_refusal=False)) == MAX_DAYS


def test_a_session_until_midnight_has_no_next_day() -> None:
    usage = used("2026-06-01T22:00", "2026-06-02T00:00", 4000)
    assert len(split(usage, PRICES, AMSTERDAM, (), is_idle_refusal=False)) == 1


@given(
    st.sampled_from(ZONES),
    st.integers(1_300_000_000, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(0, 5 * 86400),
    st.lists(st.integers(0, 100_000), max_size=8),
    st.none() | st.integers(0, 200_000),
    st.sampled_from([None, PRICES, WINDOWS]),
)
def test_days_add_up(
    zone: ZoneInfo, started_at: datetime, seconds: int, by_midnight: list[int], wh: int | None, prices: Prices | None
) -> None:
    metered_wh = max(by_midnight, default=0)
    until_at = started_at + timedelta(seconds=seconds)
    usage = Usage(metered_wh if wh is None else wh, started_at, until_at, metered_wh, over_at=started_at)
    parts = split(usage, prices, zone, sorted(by_midnight), is_idle_refusal=False)
    assert sum(part.energy_wh or 0 for part in parts) == usage.energy_wh
    assert [part.day for part in parts] == sorted({part.day for part in parts})
    assert parts[0].day == started_at.astimezone(zone).date()
    if prices is not None:
        assert sum(part.amount or 0 for part in parts) == cost(prices, usage).amount * 100
        assert min(part.amount or 0 for part in parts) >= -1  # a Wh that goes to another window than by the day before
