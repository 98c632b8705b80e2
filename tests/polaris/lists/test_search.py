"""The bounded search: it finds what filtering every row would find, however little it may read at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from polaris import models
from polaris.audit import record
from polaris.lists import search as search_
from polaris.lists.search import Condition, Counted, Search
from polaris.models import AuditEntry
from tests.support import plans

pytestmark = pytest.mark.both_databases

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = 120
SEARCHES = {  # by name: the conditions, and whether a row of these values meets them
    "all": ({}, lambda row: True),
    "actor": ({"actor": "olga"}, lambda row: row.actor == "olga"),
    "two": ({"actor": "olga", "action": "b"}, lambda row: (row.actor, row.action) == ("olga", "b")),
    "rare": ({"action": "rare", "target": "1"}, lambda row: (row.action, row.target) == ("rare", "1")),
    "none": ({"actor": "nobody"}, lambda row: False),
}
FROM_AT, UNTIL_AT = BEGIN + timedelta(minutes=20), BEGIN + timedelta(minutes=80)


@pytest.fixture
def rows(database: None) -> Iterator[list[AuditEntry]]:
    """Rows whose instants are not in the order of their ids, and often equal."""
    chance = random.Random(7)
    with models.database.connection_context():
        with models.database.atomic():
            for number in range(ROWS):
                action = "rare" if number % 50 == 3 else chance.choice("ab")
                at = BEGIN + timedelta(minutes=chance.randrange(ROWS))
                record(chance.choice(["olga", "ada"]), action, chance.choice("12"), at)
        yield sorted(AuditEntry.select(), key=lambda row: (row.at, row.id), reverse=True)


def search(values: dict[str, str], *, is_ordered: bool = True, **bounds: datetime) -> Search:
    indexed = tuple(Condition(getattr(AuditEntry, name), value, is_ordered) for name, value in values.items())
    return Search(AuditEntry.at, AuditEntry.id, indexed=indexed, **bounds)


def all_pages(search: Search, limit: int) -> list[int]:
    keys, before = [], None
    while True:
        found = search.page(limit, before)
        keys += found.keys
        assert len(found.keys) <= limit
        if found.next_key is None:
            return keys
        assert found.next_key != before
        before = found.next_key


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("is_ordered", [True, False])
@pytest.mark.parametrize("max_scanned", [1, 7, 10_000])
def test_pages_hold_what_matches(
    rows: list[AuditEntry], name: str, is_ordered: bool, max_scanned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_, "MAX_SCANNED", max_scanned)
    values, is_match = SEARCHES[name]
    expected = [row for row in rows if is_match(row)]
    found = search(values, is_ordered=is_ordered)
    assert all_pages(found, 9) == [row.id for row in expected]
    bounded = search(values, is_ordered=is_ordered, from_at=FROM_AT, until_at=UNTIL_AT)
    assert all_pages(bounded, 9) == [row.id for row in expected if FROM_AT <= row.at < UNTIL_AT]


@pytest.mark.parametrize("name", SEARCHES)
def test_count(rows: list[AuditEntry], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values, is_match = SEARCHES[name]
    number = len([row for row in rows if is_match(row)])
    assert search(values).count() == Counted(number, False)
    monkeypatch.setattr(search_, "MAX_SCANNED", 3)
    some = search(values).count()
    assert some.has_more or some.number == number
    assert some.number <= number


def test_newer_rows_move_no_page(rows: list[AuditEntry]) -> None:
    first = search({}).page(10)
    record("olga", "a", "1", BEGIN + timedelta(days=1))
    assert search({}).page(10, first.next_key).keys == [row.id for row in rows[10:20]]


def test_unknown_place_has_no_rows(rows: list[AuditEntry]) -> None:
    assert search({"actor": "olga"}).page(10, 4711).keys == []


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("max_scanned", [1, 10_000])
def test_no_table_is_read_as_a_whole(
    rows: list[AuditEntry], name: str, max_scanned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_, "MAX_SCANNED", max_scanned)
    for bounds in ({}, {"from_at": FROM_AT}, {"from_at": FROM_AT, "until_at": UNTIL_AT}):
        found = search(SEARCHES[name][0], **bounds)
        with plans.executed() as statements:
            found.page(10)
            found.page(10, rows[30].id)
            found.count()
        assert plans.full_scans(statements) == []


def test_first_page_reads_no_more_than_a_page(rows: list[AuditEntry]) -> None:
    """One condition with an index in the list's order needs no candidates."""
    with plans.executed() as statements:
        search({"actor": "olga"}).page(10)
    ((sql, _),) = statements
    assert " IN " not in sql
