"""Limits: reached by figures that count and by the clock, and when to look at one again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import energy, limit
from polaris.domain import session as lifecycle
from polaris.domain.instants import to_microseconds
from polaris.domain.limit import Flow, Limit, LimitKind, SoFar
from polaris.domain.metering import Reading
from polaris.domain.tariff import Money, Prices

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AT_20_KWH = Limit(LimitKind.ENERGY, 20_000)
AT_10_EUR = Limit(LimitKind.MONEY, 10_000)
AT_80_PERCENT = Limit(LimitKind.SOC, 80)
PER_KWH = Prices("EUR", Decimal("0.50"))


def until(at: datetime) -> Limit:
    return Limit(LimitKind.TIME, to_microseconds(at))


def euros(amount: str) -> SoFar:
    return SoFar(cost=Money(Decimal(amount), "EUR"))


@pytest.mark.parametrize(
    ("of", "so_far", "is_reached"),
    [
        (AT_20_KWH, SoFar(19_999), False),
        (AT_20_KWH, SoFar(20_000), True),
        (AT_20_KWH, SoFar(None), False),
        (AT_10_EUR, euros("9.99"), False),
        (AT_10_EUR, euros("10.00"), True),
        (AT_10_EUR, SoFar(50_000), False),
        (AT_80_PERCENT, SoFar(soc_percent=79), False),
        (AT_80_PERCENT, SoFar(soc_percent=80), True),
        (AT_80_PERCENT, SoFar(50_000), False),
        (Limit(LimitKind.NONE, 0), SoFar(50_000, soc_percent=100), False),
        (until(NOW), SoFar(), True),
        (until(NOW + timedelta(microseconds=1)), SoFar(99_999), False),
    ],
)
def test_reached_by_its_own_figure(of: Limit, so_far: SoFar, is_reached: bool) -> None:
    assert limit.is_reached(of, so_far, NOW) is is_reached


@pytest.mark.parametrize(
    ("of", "is_valid"),
    [
        (AT_20_KWH, True),
        (Limit(LimitKind.ENERGY, 0), False),
        (Limit(LimitKind.ENERGY, -5), False),
        (Limit(LimitKind.ENERGY, 10**12), False),
        (Limit(LimitKind.SOC, 100), True),
        (Limit(LimitKind.SOC, 101), False),
        (Limit(LimitKind.MONEY, 10**9), False),
        (Limit(LimitKind.NONE, 0), False),
        (until(NOW), False),
        (until(NOW + timedelta(hours=25)), True),
        (until(NOW + timedelta(hours=26)), False),
    ],
)
def test_bounds(of: Limit, is_valid: bool) -> None:
    assert limit.is_valid(of, NOW) is is_valid


@pytest.mark.parametrize(
    ("of", "so_far", "power_w", "prices", "seconds"),
    [
        (AT_20_KWH, SoFar(10_000), 10_000, None, 3600),
        (AT_20_KWH, SoFar(19_999), 10_000, None, 5),
        (AT_20_KWH, SoFar(10_000), 0, None, None),
        (AT_20_KWH, SoFar(None), 10_000, None, None),
        (AT_80_PERCENT, SoFar(soc_percent=60), 6_000, None, 3600),
        (AT_10_EUR, euros("5.00"), 10_000, PER_KWH, 3600),
        (AT_10_EUR, euros("5.00"), 0, PER_KWH, None),
        (AT_10_EUR, euros("9.00"), 0, Prices("EUR", Decimal(0), Decimal("0.10"), idle_per_minute=Decimal("0.10")), 300),
        (AT_10_EUR, euros("5.00"), 1, PER_KWH, 90_000),
    ],
)
def test_looked_at_when_it_can_be_reached(
    of: Limit, so_far: SoFar, power_w: float, prices: Prices | None, seconds: int | None
) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert limit.look_at(of, so_far, Flow(power_w, NOW), prices, NOW) == expected


def test_time_looked_at_at_its_instant() -> None:
    at = NOW + timedelta(hours=3)
    assert limit.look_at(until(at), SoFar(), Flow(0, NOW), None, NOW) == at


@pytest.mark.parametrize(("minutes", "seconds"), [(0, 3600), (45, 900), (60, 5), (600, 5)])
def test_looked_at_soon_if_it_can_have_been_reached(minutes: int, seconds: int) -> None:
    flow = Flow(10_000, NOW - timedelta(minutes=minutes))
    assert limit.look_at(AT_20_KWH, SoFar(10_000), flow, None, NOW) == NOW + timedelta(seconds=seconds)


def test_asked_at_a_pace_and_not_for_ever() -> None:
    assert limit.is_asked_for(NOW - timedelta(seconds=15), None, 0, NOW)
    assert not limit.is_asked_for(NOW - timedelta(seconds=14), None, 0, NOW)
    assert not limit.is_asked_for(NOW - timedelta(hours=1), NOW - timedelta(seconds=3), 1, NOW)
    assert not limit.is_asked_for(NOW - timedelta(hours=1), None, limit.MAX_ASKS, NOW)


def told(registers: list[int]) -> list[int | None]:
    """Return the energy that counts after each reading of a session that began with 1000 Wh."""
    begun_at = to_microseconds(NOW)
    session = lifecycle.Session(
        lifecycle.SessionState.ACTIVE, NOW, energy.begin(1000, begun_at, begun_at, max_power_w=500_000)
    )
    energies = []
    for minute, register_wh in enumerate(registers, start=1):
        at = NOW + timedelta(minutes=minute)
        session = lifecycle.meter(session, [Reading(at, register_wh=register_wh)], at).session
        energies.append(session.energy_wh)
    return energies


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=30), st.integers(1, 40_000))
def test_first_reading_at_or_above_and_none_before(steps: list[int], wh: int) -> None:
    registers = [1000 + sum(steps[: count + 1]) for count in range(len(steps))]
    of = Limit(LimitKind.ENERGY, wh)
    reached = [limit.is_reached(of, SoFar(energy_wh), NOW) for energy_wh in told(registers)]
    assert reached == [register_wh - 1000 >= wh for register_wh in registers]


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=20), st.integers(1, 60_000))
def test_never_without_energy_that_counts(registers: list[int], wh: int) -> None:
    """Whatever a meter sends: in any order, begun again, falling."""
    of = Limit(LimitKind.ENERGY, wh)
    for energy_wh in told(registers):
        assert limit.is_reached(of, SoFar(energy_wh), NOW) is (energy_wh is not None and energy_wh >= wh)


@given(st.integers(0, 19_999), st.integers(0, 500_000))
def test_never_looked_at_too_late(energy_wh: int, power_w: int) -> None:
    """Whenever the power that flows can have brought it to its limit, it has been looked at."""
    at = limit.look_at(AT_20_KWH, SoFar(energy_wh), Flow(power_w, NOW), None, NOW)
    needed_s = (20_000 - energy_wh) * 3600 / power_w if power_w else None
    if at is None:
        assert needed_s is None
    elif needed_s is not None and needed_s < 86_000:
        assert at - NOW <= max(timedelta(seconds=needed_s * (1 + 1e-6)), limit.LOOK_INTERVAL)
