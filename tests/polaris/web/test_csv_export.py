"""CSV files: no cell becomes a formula, and rows are sent while the next are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import login_user
from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.enums import AccountStatus, Role
from polaris.domain.profile import Profile
from polaris.lists.accounts import AccountFilter
from polaris.models import AuditEntry
from polaris.web import csv_export
from polaris.web.csv_export import SignedOut
from polaris.web.security import User
from tests.support.cast import Cast

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SIGNS = "=+-@\t\r＝＋－＠"


def read_back(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter))


def one_cell(cell: csv_export.Cell) -> str:
    text = "".join(csv_export.lines(("thing",), lambda _: ([(cell,)], None), lambda: True))
    return read_back(text)[1][0]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", " ", "x;", "x\t", "x\r\n", "x; "])
def test_formula_is_text(sign: str, before: str) -> None:
    cell = one_cell(f'{before}{sign}HYPERLINK("http://evil")')
    for part in cell.replace("\r\n", ";").replace("\r", ";").replace("\t", ";").split(";"):
        assert not part.lstrip().startswith(tuple(SIGNS)), cell


@given(st.text())
def test_only_apostrophes_are_added(text: str) -> None:
    cell = csv_export.safe(text)
    assert isinstance(cell, str)
    assert cell[:1] not in set(SIGNS)
    assert cell.replace("'", "") == text.replace("\0", "").replace("'", "")


@pytest.mark.parametrize("cell", ["plain", "a, b", 'a "b"', "two\nlines", "3-4", "a@b.c", "", "Zoë – Café", "0012"])
def test_other_text_stays(cell: str) -> None:
    assert one_cell(cell) == cell


def test_numbers_and_nothing() -> None:
    assert (one_cell(12_345), one_cell(None)) == ("12345", "")


def test_head_of_file(app: Flask, cast: Cast) -> None:
    with app.test_request_context():
        login_user(User(cast.olga.id, "1", cast.olga.email, Role.OPERATOR, AccountStatus.ACTIVE, NOW, Profile()))
        answer = csv_export.response("things", AccountFilter(), NOW, ("a", "b"), lambda _: ([], None))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="polaris-things-2026-11-29.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.get_data() == b"\xef\xbb\xbfa,b\r\n"


@pytest.mark.parametrize(
    ("path", "target", "detail"),
    [
        ("/people.csv?email=ada&role=driver", "people", "by email, role=driver"),
        ("/cards.csv?card=04A1&state=blocked", "cards", "by card, state=blocked"),
        ("/sessions.csv?from=2026-11-01&driver=ada", "sessions", "from=2026-11-01, by driver"),
        ("/audit.csv", "audit", ""),
    ],
)
def test_who_takes_a_file_is_recorded(olga: FlaskClient, cast: Cast, path: str, target: str, detail: str) -> None:
    assert olga.get(path).status_code == 200

    row = AuditEntry.get(AuditEntry.action == "list.exported")
    assert (row.actor, row.target, row.detail) == (cast.olga.email, target, detail)


def three(asked: list[int | None]) -> Callable[[int | None], csv_export.Batch[int]]:
    def read(after: int | None) -> csv_export.Batch[int]:
        asked.append(after)
        number = (after or 0) + 1
        return [(number,)], number if number < 3 else None

    return read


def test_batches_are_sent_before_the_next_is_read() -> None:
    asked: list[int | None] = []
    pieces = csv_export.lines(("number",), three(asked), lambda: True)
    assert next(pieces) == "\ufeffnumber\r\n"
    assert asked == []
    assert next(pieces) == "1\r\n"
    assert asked == [None]
    assert list(pieces) == ["2\r\n", "3\r\n"]
    assert asked == [None, 1, 2]


def test_file_breaks_off_when_nobody_may_have_it() -> None:
    asked: list[int | None] = []
    pieces = csv_export.lines(("number",), three(asked), lambda: len(asked) < 2)
    with pytest.raises(SignedOut):
        list(pieces)
    assert asked == [None, 1]
