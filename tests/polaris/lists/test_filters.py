"""Values of filters, hostile ones among them: none raises, and none reaches a database that refuses it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.lists import filters

HOSTILE = (
    "'; DROP TABLE x; --",
    "100%",
    "a_b",
    "\0",
    "a\0b",
    "\ud800",
    "x" * 10_000,
    "<script>alert(1)",
    '"',
    "\\",
    "𝄞",
    " \t ",
)


@given(st.text(st.characters(exclude_categories=())) | st.sampled_from(HOSTILE))
def test_any_value_is_taken(value: str) -> None:
    text = filters.text(value)
    assert len(text) <= filters.MAX_TEXT_LENGTH
    assert "\0" not in text
    text.encode()
    filters.day(value)
    filters.number(value)


@pytest.mark.parametrize("value", ["", "2026-02-30", "29.11.2026", "0001-01-01", "9999-12-31", "1999-12-31", "today"])
def test_no_day(value: str) -> None:
    assert filters.day(value) is None


def test_days_in_zone() -> None:
    day = filters.day("2026-10-25")  # an hour longer in Berlin
    assert day == date(2026, 10, 25)
    berlin = ZoneInfo("Europe/Berlin")
    assert filters.began(day, berlin) == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert filters.ended(day, berlin) == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert filters.ended(day) == datetime(2026, 10, 26, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("day", [filters.FIRST_DAY, filters.LAST_DAY])
def test_bounds_are_instants_everywhere(zone: str, day: date) -> None:
    assert filters.began(day, ZoneInfo(zone)) < filters.ended(day, ZoneInfo(zone))


@pytest.mark.parametrize(("value", "number"), [("12", 12), ("0", None), ("-1", None), ("٣", None), ("9" * 10, None)])
def test_number(value: str, number: int | None) -> None:
    assert filters.number(value) == number


def test_parameters_leave_out_what_filters_nothing() -> None:
    values = {"a": "", "b": None, "c": "x", "d": date(2026, 11, 29), "e": False, "f": True}
    assert filters.parameters(values) == {"c": "x", "d": "2026-11-29", "f": "True"}
