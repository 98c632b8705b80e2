"""Arguments: what is read of a type's fields, and what is said of values that they cannot have."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import pytest
from msgspec import Meta

from polaris.domain.arguments import NAMED, SECRET, Invalid, Kind, StrictStruct, arguments, from_json, read, typed


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Paint(StrictStruct, frozen=True):
    """Paint a fence."""

    colour: Colour
    fences: tuple[Annotated[str, Meta(description="A fence's name.")], ...]
    width_kw: Annotated[Decimal | None, Meta(title="Width", description="How wide.")]
    key: Annotated[str, SECRET]
    price: Annotated[Decimal, NAMED]
    at: Annotated[datetime, Meta(tz=True)] | None = None
    is_hard: bool = False
    layers: Annotated[int, Meta(ge=1)] = 1
    name: Annotated[str, Meta(max_length=7)] = ""


VALUES = {"colour": "red", "fences": ["a"], "width_kw": None, "key": "k", "price": "0.39"}


def test_each_field_is_an_argument() -> None:
    found = {argument.name: argument for argument in arguments(Paint)}

    assert {name: argument.kind for name, argument in found.items()} == {
        "colour": Kind.CHOICE,
        "fences": Kind.TEXTS,
        "width_kw": Kind.AMOUNT,
        "key": Kind.SECRET,
        "price": Kind.AMOUNT,
        "at": Kind.INSTANT,
        "is_hard": Kind.FLAG,
        "layers": Kind.NUMBER,
        "name": Kind.TEXT,
    }
    assert found["colour"].choices == ("red", "blue")
    assert [name for name, argument in found.items() if argument.is_clearable] == ["width_kw"]
    assert (found["width_kw"].label, found["width_kw"].unit, found["width_kw"].plain_name) == ("Width", "kW", "width")
    assert (found["is_hard"].label, found["fences"].meaning) == ("Hard", "A fence's name.")
    assert (found["name"].max_length, found["layers"].default, found["price"].is_named) == (7, "1", True)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"layers": "0"}, "layers", "layers: Type a whole number, 1 or more."),
        ({"price": "much"}, "price", "price: Type a number with a point before its decimals, such as 0.39."),
        ({"fences": [1, "b"]}, "fences", "Type a text"),
        ({"colour": "green"}, "colour", "Choose one of red, blue"),
        ({"name": "too long a name"}, "name", "Type at most 7 characters"),
        ({"more": 1}, "", "There is no field more"),
    ],
)
def test_what_cannot_be_names_its_field(values: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as invalid:
        read(Paint, VALUES | values, is_text=True)

    assert invalid.value.field == field


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "NaN", "sNaN", "Infinity", "0,39", "9" * 13, "\u0663"])
def test_amounts_are_written_in_digits(text: str) -> None:
    with pytest.raises(Invalid, match=r"price: Type a number (with a point|in digits alone)"):
        read(Paint, VALUES | {"price": text}, is_text=True)


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", "[1e999]", "9" * 5000, "[" * 100_000])
def test_json_has_numbers_that_can_be(text: str) -> None:
    with pytest.raises(ValueError, match="This is not JSON"):
        from_json(text)


def test_text_is_read_as_what_it_says() -> None:
    paint = read(Paint, VALUES | {"layers": "3", "at": "2026-11-29T10:00:00Z"}, is_text=True)

    assert (paint.layers, paint.price, paint.colour) == (3, Decimal("0.39"), Colour.RED)


def test_a_form_says_what_is_wrong_beside_each_field() -> None:
    texts = {"colour": "green", "fences": " a \n\nb", "key": "", "price": "much", "at": "1764410000", "name": "x" * 8}

    values, problems = typed(Paint, texts)

    assert values["fences"] == ["a", "b"]
    assert values["width_kw"] is None
    assert problems.keys() == {"colour", "key", "price", "at", "name"}
    assert problems["at"] == "This is no instant such as 2026-11-23T14:00:00Z."


def test_what_is_needed_is_asked_for() -> None:
    assert typed(Paint, {})[1].keys() == {"colour", "fences", "key", "price"}
