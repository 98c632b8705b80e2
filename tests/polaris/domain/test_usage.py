"""Sessions split by windows: by hand across changes of the clocks, and sums that are always the session's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from polaris.domain.price_windows import Schedule, pieces
from polaris.domain.tariff import Money, Part, Prices, cost, lines
from polaris.domain.usage import (
    Point,
    Usage,
    apportioned,
    borders,
    idle_from,
    idle_s,
    is_resumed,
    over_at,
    shares,
    split,
    to_text,
)
from polaris.domain.window_text import read
from tests.polaris.domain.test_price_windows import AUTUMN, DAY_AND_NIGHT, SPRING, ZONES
from tests.polaris.domain.test_window_text import windows

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FRIDAY = datetime(2026, 6, 5, 17, tzinfo=UTC)  # 19:00 in Berlin


def schedule(*lines: str) -> Schedule:
    return Schedule("Europe/Berlin", read(lines, Decimal(0)))


def used(of: Schedule, started_at: datetime, points: list[Point], **more: datetime) -> Usage:
    """Return a session that ends with the last of its points."""
    until_at, energy_wh = points[-1]
    border_wh, _ = split(of, started_at, points, until_at)
    return Usage(energy_wh, started_at, until_at, energy_wh, border_wh, **more)


def in_windows(usage: Usage, of: Schedule) -> list[tuple[str, int, int]]:
    return [
        ("" if share.window is None else str(share.window.per_kwh), share.energy_wh, share.seconds)
        for share in shares(usage, of)
    ]


def prices(of: Schedule | None = None, **more: Decimal | int) -> Prices:
    return Prices("EUR", Decimal("0.30"), tax_percent=Decimal(0), schedule=of, **more)  # type: ignore[arg-type]


# By hand.


def test_step_across_a_border_is_split_by_time() -> None:
    of = schedule("Mon-Fri 07:00-20:00 0.50 per kWh, 0.06 per minute")
    points = [(FRIDAY + 50 * MINUTE, 5000), (FRIDAY + 80 * MINUTE, 8000), (FRIDAY + 120 * MINUTE, 9000)]
    usage = used(of, FRIDAY, points)
    assert usage.border_wh == (6000,)  # at 20:00, a third of the step of 3000 Wh
    assert in_windows(usage, of) == [("0.50", 6000, 3600), ("", 3000, 3600)]
    assert cost(prices(of), usage) == Money(Decimal("7.50"), "EUR")  # 6 × 0.50 + 60 × 0.06 + 3 × 0.30


def test_over_midnight_into_the_weekend() -> None:
    of = schedule("Fri 20:00-24:00 1 per kWh", "Sat 00:00-24:00 2 per kWh")
    usage = used(of, FRIDAY, [(FRIDAY + 10 * HOUR, 20_000)])  # 19:00 to 5:00, 2 kWh an hour
    assert in_windows(usage, of) == [("", 2000, 3600), ("1", 8000, 4 * 3600), ("2", 10_000, 5 * 3600)]


@pytest.mark.parametrize(
    ("eve", "hours", "energy_wh"),
    [(SPRING, 8, 8000), (AUTUMN, 10, 10_000)],  # from 22:00 until 7:00: in one night eight hours, in the other ten
)
def test_night_in_which_the_clocks_are_changed(eve: datetime, hours: int, energy_wh: int) -> None:
    of = schedule("Sun 00:00-06:00 0.20 per kWh, 0.01 per minute")
    started_at = eve + (21 if eve is SPRING else 20) * HOUR  # 22:00 in Berlin
    usage = used(of, started_at, [(started_at + hours * HOUR, energy_wh)])  # 1 kWh an hour
    in_window = hours - 3  # two hours before midnight, and one after 6:00
    assert in_windows(usage, of) == [("", 3000, 3 * 3600), ("0.20", in_window * 1000, in_window * 3600)]
    # In spring 3 × 0.30 + 5 × 0.20 + 300 × 0.01, in autumn 3 × 0.30 + 7 × 0.20 + 420 × 0.01.
    assert cost(prices(of), usage).amount == {SPRING: Decimal("4.90"), AUTUMN: Decimal("6.50")}[eve]


def test_reading_at_a_border_belongs_to_what_was_before() -> None:
    of = schedule("Mon-Fri 07:00-20:00 0.50 per kWh")
    points = [(FRIDAY + HOUR, 4321), (FRIDAY + 2 * HOUR, 5000)]
    monday = datetime(2026, 6, 8, 5, tzinfo=UTC)  # 7:00 in Berlin
    assert split(of, FRIDAY, points[:1], FRIDAY + HOUR) == ((4321,), monday)
    assert used(of, FRIDAY, points).border_wh == (4321,)


def test_running_session_has_no_energy_beyond_its_last_reading() -> None:
    of = schedule("Mon-Fri 07:00-20:00 0.50 per kWh")
    usage = Usage(5000, FRIDAY, FRIDAY + 2 * HOUR, 5000)  # the border has passed since its last reading
    assert in_windows(usage, of) == [("0.50", 5000, 3600), ("", 0, 3600)]


def test_correction_scales_the_windows() -> None:
    of = schedule("Mon-Fri 07:00-20:00 0.50 per kWh")
    usage = used(of, FRIDAY, [(FRIDAY + HOUR, 2000), (FRIDAY + 2 * HOUR, 3000)])
    decided = replace(usage, energy_wh=10_000)
    assert in_windows(decided, of) == [("0.50", 6667, 3600), ("", 3333, 3600)]
    assert cost(prices(of), decided).amount == Decimal("4.33")


def test_figure_without_any_reading_is_split_by_time() -> None:
    of = schedule("Mon-Fri 07:00-20:00 0.50 per kWh")
    assert in_windows(Usage(10_000, FRIDAY, FRIDAY + 4 * HOUR), of) == [("0.50", 2500, 3600), ("", 7500, 3 * 3600)]
    assert in_windows(Usage(10_000, FRIDAY, FRIDAY), of) == [("0.50", 10_000, 0)]


# Idling.


def test_idling_is_paid_after_its_grace() -> None:
    usage = Usage(10_000, FRIDAY, FRIDAY + HOUR, over_at=FRIDAY + 30 * MINUTE)
    paid = prices(per_minute=Decimal("0.01"), idle_per_minute=Decimal("0.10"), idle_grace_s=600)
    assert idle_from(usage, 600) == FRIDAY + 40 * MINUTE
    assert cost(paid, usage).amount == Decimal("5.60")  # 10 × 0.30 + 60 × 0.01 + 20 × 0.10
    line = next(line for line in lines(paid, usage) if line.part is Part.IDLE)
    assert (line.quantity, line.price, line.amount) == (1200, Decimal("0.10"), 2)
    assert idle_s(replace(usage, until_at=FRIDAY + 39 * MINUTE), 600) == 0


def test_car_that_never_charged_does_not_idle() -> None:
    usage = Usage(0, FRIDAY, FRIDAY + HOUR, over_at=FRIDAY)
    assert (idle_s(usage, 0), idle_s(replace(usage, energy_wh=None), 0)) == (0, 0)
    assert idle_s(replace(usage, energy_wh=1, over_at=FRIDAY - HOUR), 0) == 3600  # not longer than the session


@pytest.mark.parametrize(
    ("told", "since"),
    [
        ("Charging SuspendedEV", 1),
        ("Charging SuspendedEV Finishing", 1),
        ("Charging SuspendedEV SuspendedEVSE", None),
        ("Charging SuspendedEV SuspendedEVSE SuspendedEV", 3),
        ("Charging SuspendedEV Charging", None),
        ("Charging SuspendedEV Faulted", None),
        ("Charging SuspendedEV Available", 1),
        ("Charging SuspendedEV EVConnected Idle", 1),
        ("Charging EVConnected", 1),
        ("EVConnected", None),
        ("Preparing SuspendedEV", 1),
        ("Idle EVConnected Charging Idle", 3),
    ],
)
def test_states(told: str, since: int | None) -> None:
    found, previous = None, ""
    for minute, status in enumerate(told.split()):
        found = over_at(status, FRIDAY + minute * MINUTE, found, previous=previous)
        previous = status
    assert found == (None if since is None else FRIDAY + since * MINUTE)


@pytest.mark.parametrize(
    ("energies", "resumed"),
    [
        ([1000, 1005, 1005], False),
        ([1000, 1005, 1006], True),
        ([1000], False),
        ([], False),
        ([0, 500, 900], True),
        ([510, 2, 510], False),
    ],
)
def test_energy_between_two_later_readings_is_no_idling(energies: list[int], resumed: bool) -> None:
    points = [(FRIDAY + index * MINUTE, wh) for index, wh in enumerate(energies)]
    assert is_resumed(points, FRIDAY + timedelta(seconds=30)) is resumed


# Whatever they are.


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_apportioned_is_the_total(total: int, weights: list[int]) -> None:
    parts = apportioned(total, weights)
    assert sum(parts) == total
    if sum(weights):
        exact = [Fraction(total * one, sum(weights)) for one in weights]
        assert all(abs(part - one) < 1 for part, one in zip(parts, exact, strict=True))


@st.composite
def sessions(draw: st.DrawFn) -> tuple[Schedule, datetime, list[Point]]:
    of = Schedule(draw(st.sampled_from(ZONES)), tuple(draw(st.lists(windows(), max_size=3))))
    started_at = draw(st.sampled_from([SPRING, AUTUMN])) + timedelta(microseconds=draw(st.integers(0, 10**11)))
    steps = draw(st.lists(st.tuples(st.integers(1, 10**10), st.integers(0, 30_000)), min_size=1, max_size=20))
    points, at, wh = [], started_at, 0
    for microseconds, step_wh in steps:
        at, wh = at + timedelta(microseconds=microseconds), wh + step_wh
        points.append((at, wh))
    return of, started_at, points


@settings(max_examples=60)
@given(sessions(), st.none() | st.integers(0, 10**6))
def test_sums_are_the_sessions(told: tuple[Schedule, datetime, list[Point]], decided_wh: int | None) -> None:
    of, started_at, points = told
    usage = used(of, started_at, points)
    usage = usage if decided_wh is None else replace(usage, energy_wh=decided_wh)
    found = shares(usage, of)
    assert sum(share.energy_wh for share in found) == usage.energy_wh
    assert sum(share.seconds for share in found) == usage.duration_s
    assert all(share.energy_wh >= 0 and share.seconds >= 0 for share in found)
    assert len({share.window for share in found}) == len(found)
    paid = prices(of, per_minute=Decimal("0.01"))
    assert sum(line.amount for line in lines(paid, usage)) == Fraction(cost(paid, usage).amount)


@settings(max_examples=60)
@given(sessions())
def test_borders_go_on_as_time_does(told: tuple[Schedule, datetime, list[Point]]) -> None:
    """What was split at some reading stays when the next ones come, and the next border is the first that comes."""
    of, started_at, points = told
    whole, _ = split(of, started_at, points, points[-1][0])
    instants = [piece.begins_at for piece in pieces(of, started_at, points[-1][0] + timedelta(days=8))[1:]]
    for index, (at, _) in enumerate(points, start=1):
        passed, following = split(of, started_at, points[:index], at)
        assert passed == whole[: len(passed)]
        assert following == next((instant for instant in instants if instant > at), following)
        assert len(passed) == sum(instant <= at for instant in instants)


def test_split_without_windows() -> None:
    assert split(None, FRIDAY, [(FRIDAY + HOUR, 1000)], FRIDAY + HOUR) == ((), None)
    assert [(share.energy_wh, share.seconds) for share in shares(Usage(10, FRIDAY, FRIDAY - HOUR), None)] == [(10, 0)]
    assert (borders(to_text((1, 2))), to_text(()), borders("")) == ((1, 2), "", ())


def test_stored_borders_of_other_prices_do_no_harm() -> None:
    usage = Usage(100, FRIDAY, FRIDAY + HOUR, 100, (5, 900, -3, 80, 7))
    assert sum(share.energy_wh for share in shares(usage, DAY_AND_NIGHT)) == 100
