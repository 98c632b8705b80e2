"""Values of filters, hostile ones among them: none raises, and none reaches a database that refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from polaris.domain import filters
from polaris.domain.filters import Filter, Values
from polaris.lists.cards import CardFilter

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


@dataclass(frozen=True, slots=True)
class Everything(Filter):
    """A filter with a value of each kind."""

    NAMES: ClassVar = {
        "from": "from_day",
        "to": "to_day",
        "status": "text",
        "bad": "text",
        "site": "text",
        "text": "text",
    }

    from_day: date | None = None
    to_day: date | None = None
    text: str = ""

    @classmethod
    def of(cls, values: dict[str, str]) -> Everything:
        read = Values(values, cls.NAMES)
        from_day, to_day = read.days("from", "to")
        read.choice("status", ("active", "stopped"))
        read.flag("bad")
        read.number("site")
        read.text("text")
        return cls(from_day, to_day, wrong=read.wrong)


@given(st.text(st.characters(exclude_categories=())) | st.sampled_from(HOSTILE))
def test_any_value_is_taken(value: str) -> None:
    text = filters.text(value)
    assert len(text) <= filters.MAX_TEXT_LENGTH
    assert "\0" not in text
    text.encode()
    filters.day(value)
    filters.number(value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"from": "2026-13-45"}, "from: There is no day 2026-13-45."),
        ({"from": "29.11.2026"}, "from: Type a day as year, month and day, such as 2026-11-23."),
        ({"from": "1999-12-31"}, "from: Choose a day from 2000 to 2199."),
        (
            {"from": "2026-12-01", "to": "2026-11-30"},
            "to: This day is before 2026-12-01, the first day.",
        ),
        ({"status": "Active"}, "status: There is no status Active. Choose one of active, stopped."),
        ({"bad": "yes"}, "bad: There is no bad yes. Choose one of 1."),
        ({"site": "Harbour"}, "site: There is no site Harbour."),
        ({"text": "a\0b"}, "text: This has a character that cannot be looked for."),
        ({"text": "\0"}, "text: This has a character that cannot be looked for."),
        ({"text": " "}, "text: This is only spaces. Leave it empty to look for everything."),
        ({"status": " "}, "status: This is only spaces. Leave it empty to look for everything."),
        ({"text": "x" * 256}, "text: This has more than 255 characters."),
    ],
)
def test_what_is_not_understood_is_named(values: dict[str, str], sentence: str) -> None:
    found = Everything.of(values)
    assert found.sentence == sentence
    assert {name: found.typed(name) for name in values} == values
    assert found.parameters() == values


def test_repeated_value_is_named() -> None:
    assert Everything.of(MultiDict([("text", "a"), ("text", "b")])).sentence == "text: The filter has text twice."
    assert not Everything.of(MultiDict([("text", "a")])).wrong


def test_card_of_nothing_is_no_card() -> None:
    assert CardFilter.of({"card": "\N{REPLACEMENT CHARACTER}"}).sentence == "card: This is no card."


def test_mistyped_name_has_no_field() -> None:
    found = Everything.of({"statuss": "active", "before": "7"})
    assert found.strangers == ("It is not possible to filter by statuss.",)
    assert found.problem("status") == ""


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
    assert filters.parameters(values) == {"c": "x", "d": "2026-11-29", "f": "1"}
