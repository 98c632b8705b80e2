"""Windows of prices as they are typed: what is read, and what is said of a line that cannot be."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris.domain.price_windows import MAX_WINDOWS, Window, overlaps
from polaris.domain.window_text import EXAMPLE, Unreadable, days, line, read

PER_MINUTE = Decimal("0.02")
WEEK = tuple(range(7))
PRICES = st.decimals(0, 1000, places=4)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    first = draw(st.integers(0, 1439))
    last = draw(st.integers(first + 1, 1440))
    of_days = draw(st.sets(st.integers(0, 6), min_size=1))
    return Window(tuple(sorted(of_days)), first, last, draw(PRICES), draw(PRICES))


@pytest.mark.parametrize(
    ("text", "window"),
    [
        (
            "Mon-Fri 07:00-20:00 0.39 per kWh, 0.05 per minute",
            Window((0, 1, 2, 3, 4), 420, 1200, Decimal("0.39"), Decimal("0.05")),
        ),
        ("sat,SUN  0:00 – 24:00 0.2 per kwh", Window((5, 6), 0, 1440, Decimal("0.2"), PER_MINUTE)),
        ("daily 22:00-24:00 0 per kWh and 1 per minute", Window(WEEK, 1320, 1440, Decimal(0), Decimal(1))),
        ("Sat-Mon,Wed 00:00-00:01 1 per kWh 2 per minute", Window((0, 2, 5, 6), 0, 1, Decimal(1), Decimal(2))),
    ],
)
def test_read(text: str, window: Window) -> None:
    assert read([text], PER_MINUTE) == (window,)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["Mon 07:00-20:00"], f"Line 1, Mon 07:00-20:00: write it like {EXAMPLE}."),
        (["<b>" * 30], f"Line 1, {'<b>' * 13}<: write it like"),
        (["Mon 07:00-20:00 1 per kWh", "Mo 20:00-21:00 1 per kWh"], "Line 2: Mo are no days."),
        (["Mon-Mo 07:00-20:00 1 per kWh"], "Line 1: Mon-Mo are no days."),
        (["Mon,Mon 07:00-20:00 1 per kWh"], "Line 1: Mon,Mon names a day twice."),
        (["Mon 7:00-24:01 1 per kWh"], "Line 1: there is no 24:01. The day is from 00:00 to 24:00."),
        (["Mon 7:60-8:00 1 per kWh"], "Line 1: there is no 7:60."),
        (["Mon 22:00-06:00 1 per kWh"], "Line 1: 22:00-06:00 ends before it begins. Write a window over midnight"),
        (["Mon 22:00-22:00 1 per kWh"], "Line 1: 22:00-22:00 ends before it begins."),
        (["Mon 07:00-08:00 -1 per kWh"], "Line 1, Mon 07:00-08:00 -1 per kWh: a price is not negative."),
        (["Mon 07:00-08:00 NaN per kWh"], "write it like"),
        (["Mon 07:00-08:00 ١ per kWh"], "write it like"),
        (["Mon-Wed 6:00-8:00 1 per kWh", "Tue 7:00-9:00 1 per kWh"], "In two windows: Tue 07:00–08:00."),
        (["daily 0:00-24:00 1 per kWh"] * 2, "Fri 00:00–24:00; and 2 more. At each time there is one price."),
        (["Mon 00:00-01:00 1 per kWh"] * (MAX_WINDOWS + 1), "There are 25 windows. A tariff has at most 24."),
    ],
)  # fmt: skip
def test_unreadable(lines: list[str], sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(lines, PER_MINUTE)
    assert sentence in str(refused.value)


def test_neighbours_do_not_overlap() -> None:
    assert len(read(["Mon 07:00-08:00 1 per kWh", "Mon 08:00-09:00 2 per kWh"], PER_MINUTE)) == 2


@given(windows(), PRICES)
def test_line_is_read_again(window: Window, per_minute: Decimal) -> None:
    assert read([line(window, per_minute)], per_minute) == (window,)


@settings(max_examples=30)
@given(st.lists(windows(), max_size=5))
def test_overlaps_are_those_of_minutes(found: list[Window]) -> None:
    times = [(day, minute) for day in range(7) for minute in range(1440)]
    taken = {(day, minute) for day, minute in times if sum(one.has(day, minute) for one in found) > 1}
    named = {(one.weekday, minute) for one in overlaps(found) for minute in range(one.from_min, one.to_min)}
    assert named == taken


def test_days_in_few_words() -> None:
    assert [days((0, 1, 2, 3, 4)), days((0, 1, 5)), days(WEEK), days((0, 2, 3, 4))] == [
        "Mon-Fri", "Mon,Tue,Sat", "daily", "Mon,Wed-Fri",
    ]  # fmt: skip
