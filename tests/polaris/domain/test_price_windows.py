"""Windows in time: borders are where the wall clock of the site says, also on days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris.domain.price_windows import (
    DAY,
    MAX_PIECES,
    Schedule,
    Window,
    from_json,
    is_gapless,
    next_border,
    pieces,
    to_json,
    window_at,
)
from polaris.domain.window_text import read
from tests.polaris.domain.test_window_text import windows

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "UTC",
)
SPRING, AUTUMN = datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)  # the days before, in Europe


def schedule(*lines: str, zone: str = "Europe/Berlin") -> Schedule:
    return Schedule(zone, read(lines, Decimal(0)))


def times(of: Schedule, started_at: datetime, until_at: datetime) -> list[tuple[str, str]]:
    """Return the pieces: where each begins in UTC, and the price of its window."""
    return [
        (f"{piece.begins_at:%a %H:%M}", "" if piece.window is None else str(piece.window.per_kwh))
        for piece in pieces(of, started_at, until_at)
    ]


DAY_AND_NIGHT = schedule("daily 06:00-22:00 2 per kWh", "daily 22:00-24:00 1 per kWh", "daily 00:00-06:00 1 per kWh")


def test_over_midnight_and_weekend() -> None:
    of = schedule("Mon-Fri 07:00-20:00 2 per kWh", "Sat 00:00-24:00 1 per kWh")
    friday = datetime(2026, 6, 5, 17, tzinfo=UTC)
    assert times(of, friday, friday + timedelta(days=3)) == [
        ("Fri 17:00", "2"),
        ("Fri 18:00", ""),
        ("Fri 22:00", "1"),  # midnight in Berlin
        ("Sat 22:00", ""),
        ("Mon 05:00", "2"),
    ]


def test_days_with_another_number_of_hours() -> None:
    of = schedule("Sun 01:00-04:00 2 per kWh")
    assert times(of, SPRING, SPRING + 2 * DAY) == [
        ("Sat 00:00", ""),
        ("Sun 00:00", "2"),
        ("Sun 02:00", ""),
    ]
    assert times(of, AUTUMN, AUTUMN + 2 * DAY) == [
        ("Sat 00:00", ""),
        ("Sat 23:00", "2"),
        ("Sun 03:00", ""),
    ]


def test_border_in_the_hour_that_is_skipped_or_repeated() -> None:
    of = schedule("Sun 02:30-05:00 2 per kWh")
    assert times(of, SPRING, SPRING + 2 * DAY) == [
        ("Sat 00:00", ""),
        ("Sun 01:00", "2"),
        ("Sun 03:00", ""),
    ]
    assert times(of, AUTUMN, AUTUMN + 2 * DAY) == [
        ("Sat 00:00", ""),
        ("Sun 00:30", "2"),  # 2:30 in summer time
        ("Sun 01:00", ""),  # 2:00 again
        ("Sun 01:30", "2"),
        ("Sun 04:00", ""),
    ]


def test_equal_prices_on_both_sides_of_midnight_are_two_windows() -> None:
    noon = datetime(2026, 6, 5, 10, tzinfo=UTC)
    assert [price for _, price in times(DAY_AND_NIGHT, noon, noon + timedelta(days=1))] == ["2", "1", "1", "2"]


def test_whole_week_is_one_piece() -> None:
    assert len(pieces(schedule("daily 00:00-24:00 1 per kWh"), AUTUMN, AUTUMN + timedelta(days=30))) == 1
    assert next_border(schedule("daily 00:00-24:00 1 per kWh"), AUTUMN) is None
    assert is_gapless(DAY_AND_NIGHT.windows)
    assert not is_gapless(schedule("Mon 00:00-24:00 1 per kWh").windows)


def test_next_border() -> None:
    at = datetime(2026, 6, 5, 20, tzinfo=UTC)  # 22:00 in Berlin: a border itself
    assert next_border(DAY_AND_NIGHT, at - timedelta(microseconds=1)) == at
    assert next_border(DAY_AND_NIGHT, at) == at + timedelta(hours=2)


def test_session_that_never_ends_is_bounded() -> None:
    found = pieces(DAY_AND_NIGHT, AUTUMN, AUTUMN + timedelta(days=4000))
    assert MAX_PIECES - 3 < len(found) <= MAX_PIECES


@settings(max_examples=40)
@given(
    st.lists(windows(), max_size=3),
    st.sampled_from(ZONES),
    st.sampled_from([SPRING, AUTUMN, datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 4, 23, tzinfo=UTC)]),
    st.integers(0, 86_400),
)
def test_pieces_are_those_of_the_wall_clock(found: list[Window], zone: str, day: datetime, offset_s: int) -> None:
    of = Schedule(zone, tuple(found))
    started_at, until_at = day + timedelta(seconds=offset_s), day + timedelta(days=3)
    made = pieces(of, started_at, until_at)
    at = started_at.replace(second=0) + timedelta(minutes=1)
    for minute in range(0, 3 * 1440, 29):
        instant = at + timedelta(minutes=minute)
        if instant >= until_at:
            break
        local = instant.astimezone(ZoneInfo(zone))
        expected = next((one for one in found if one.has(local.weekday(), local.hour * 60 + local.minute)), None)
        assert window_at(of, instant) == expected
        assert [piece.window for piece in made if piece.begins_at <= instant][-1] == expected
    assert all(before.window != after.window for before, after in pairwise(made))


def test_stored_and_read_again() -> None:
    assert from_json(to_json(DAY_AND_NIGHT)) == DAY_AND_NIGHT
    assert (to_json(None), from_json(""), from_json(None)) == ("", None, None)


@pytest.mark.parametrize("zone", ZONES)
def test_pieces_of_a_year_are_in_order(zone: str) -> None:
    found = [
        piece.begins_at for piece in pieces(Schedule(zone, DAY_AND_NIGHT.windows), SPRING, SPRING + timedelta(365))
    ]
    assert found == sorted(set(found))
