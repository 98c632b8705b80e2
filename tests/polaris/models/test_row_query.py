"""A row query finds what the model's own query does, for any number of keys and on either database."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import pytest

from polaris.models import ChargingSession, ModelQuery, RowQuery, database
from polaris.models.row_query import MAX_KEYS
from tests.support.cast import Cast
from tests.support.charging import Charging

pytestmark = pytest.mark.both_databases


class _Session(NamedTuple):
    number: int
    charger_id: int
    started_at: datetime
    is_awaiting_end: bool
    started_us: int


_NEWEST_FIRST = RowQuery(
    _Session,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE number IN ({marks}) ORDER BY number DESC",
    started_us="started_at",
)


_BY_CHARGER = RowQuery(
    _Session,
    ChargingSession,
    "SELECT {columns} FROM charging_session WHERE number > {param} AND (charger_id, number) IN (VALUES {marks})",
    started_us="started_at",
)
_INSTANCES = ModelQuery(ChargingSession, "SELECT {columns} FROM charging_session WHERE number IN ({marks})")


@pytest.fixture
def numbers(charging: Charging, people: Cast) -> list[int]:
    return [charging.start(people.ada.id_tag) for _ in range(7)]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7])
def test_same_rows_as_query(numbers: list[int], count: int) -> None:
    with database.connection_context():
        found = _NEWEST_FIRST.rows(numbers[:count])
        assert [row.number for row in found] == numbers[:count][::-1]
        assert all(row.charger_id for row in found)
        sessions = ChargingSession.select().where(ChargingSession.number.in_(numbers[:count]))
        assert {row.number: row.started_at for row in found} == {row.number: row.started_at for row in sessions}
        assert all(row.is_awaiting_end is False and isinstance(row.started_us, int) for row in found)


def test_without_keys_it_finds_all_rows(numbers: list[int]) -> None:
    with database.connection_context():
        assert [row.number for row in _NEWEST_FIRST.rows(None)] == numbers[::-1]


def test_more_keys_than_one_statement(numbers: list[int]) -> None:
    others = list(range(10_000, 10_000 + 2 * MAX_KEYS))
    with database.connection_context():
        found = [row.number for row in _NEWEST_FIRST.rows([*others, *numbers])]
        assert sorted(found) == numbers


def test_missing_keys(numbers: list[int]) -> None:
    with database.connection_context():
        assert _NEWEST_FIRST.rows([999_999]) == []
        assert [row.number for row in _NEWEST_FIRST.rows([999_999, numbers[0]])] == numbers[:1]


def test_keys_of_several_values(numbers: list[int]) -> None:
    with database.connection_context():
        keys = [(row.charger_id, row.number) for row in _NEWEST_FIRST.rows(numbers)]
        found = _BY_CHARGER.rows([*keys, (keys[0][0] + 1, keys[0][1]), *[(1, 10_000 + n) for n in range(MAX_KEYS)]], 0)
        assert sorted(row.number for row in found) == numbers
        assert _BY_CHARGER.first(keys[0], numbers[-1]) is None


def test_instances_equal_those_of_peewee(numbers: list[int]) -> None:
    with database.connection_context():
        session = _INSTANCES.first(numbers[0], is_locking=True)
        assert session is not None
        assert session.__data__ == ChargingSession.get_by_id(numbers[0]).__data__
        assert session.dirty_fields == []
        session.energy_wh = 1
        assert [field.name for field in session.dirty_fields] == ["energy_wh"]
