"""Files of cards: what a line says, and why one is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain import card_file
from polaris.domain.card_file import CardLine, Unreadable

A = "ada@example.com"


def lines(text: str) -> list[CardLine]:
    return list(card_file.read(text))


def test_line_with_everything() -> None:
    (line,) = lines(f"email,id_tag,type,expires\n{A},1234,keycode,2027-01-31\n")
    assert line == CardLine(2, A, "1234 (KeyCode)", "KEYCODE:1234", "KeyCode", datetime(2027, 1, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        f"email,id_tag\n{A},04:a1:b2:c3\n",
        f"\ufeffEmail , ID_TAG\r\n{A}, 04a1b2c3\r\n\r\n",
        f"email;id_tag;expires\n{A};04A1B2C3;\n",
        f'email,id_tag,type\n"{A}","04 A1 B2 C3"\n',
    ],
)
def test_ways_to_write_a_line(text: str) -> None:
    (line,) = lines(text)
    assert (line.number, line.email, line.id_tag, line.expires_at, line.problem) == (2, A, "04A1B2C3", None, "")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (A, "It has 1 cells"),
        (f"{A},1,,,x", "It has 5 cells"),
        (f"{A},", "A card's id tag has 1 to 255"),
        (f"{A},{'x' * 256}", "A card's id tag has 1 to 255"),
        (f"{A},1,Magic", "The type is none of"),
        (f"{A},1,,tomorrow", "The expiry is no day"),
        (f"{A},1,,2027-02-30", "The expiry is no day"),
        (f"{A},1,,0001-01-01T00:00:00+10:00", "The expiry is no day"),
    ],
)
def test_bad_line(row: str, problem: str) -> None:
    (line,) = lines(f"email,id_tag,type,expires\n{row}\n")
    assert line.problem.startswith(problem)
    assert line.number == 2


def test_all_that_is_wrong_with_a_line_is_named() -> None:
    (line,) = lines(f"email,id_tag,type,expires\n{A},,Magic,tomorrow\n")
    for problem in ("The type is none of", "A card's id tag has 1 to 255", "The expiry is no day"):
        assert problem in line.problem


@pytest.mark.parametrize("text", ["", "x", "id_tag,email\n", "email,id_tag,what\n", "email,id_tag,type,type\n"])
def test_other_header(text: str) -> None:
    with pytest.raises(Unreadable, match="The first line must be email,id_tag,type,expires"):
        lines(text)


def test_no_csv() -> None:
    with pytest.raises(Unreadable, match=r"Line \d: not CSV"):
        lines('email,id_tag\n"a"b,c\n')


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_or_refused(text: str) -> None:
    for line in lines("email,id_tag\n") + _read_all(f"email,id_tag,type,expires\n{text}"):
        assert line.number >= 2


def _read_all(text: str) -> list[CardLine]:
    try:
        return lines(text)
    except Unreadable:
        return []
