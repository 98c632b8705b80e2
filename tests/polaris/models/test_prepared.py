"""A prepared query finds what the query itself does, for any number of keys and whichever database is connected."""

from __future__ import annotations

import pytest

from polaris.models import ChargingSession, Prepared, database
from polaris.models.prepared import SIZES
from tests.support.cast import Cast
from tests.support.charging import Charging

_NEWEST_FIRST = Prepared(
    lambda numbers: (
        ChargingSession.select().where(ChargingSession.number.in_(numbers)).order_by(ChargingSession.number.desc())
    )
)


@pytest.fixture
def numbers(charging: Charging, people: Cast) -> list[int]:
    return [charging.start(people.ada.id_tag) for _ in range(7)]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7])
def test_it_finds_what_the_query_finds(numbers: list[int], count: int) -> None:
    with database.connection_context():
        found = _NEWEST_FIRST.rows(numbers[:count])
        assert [one.number for one in found] == numbers[:count][::-1]
        assert all(one.charger_id for one in found)
        assert [row[0] for row in _NEWEST_FIRST.raw(numbers[:count])] == numbers[:count][::-1]


def test_more_keys_than_one_statement_takes(numbers: list[int]) -> None:
    others = list(range(10_000, 10_000 + 2 * SIZES[-1]))
    with database.connection_context():
        found = [one.number for one in _NEWEST_FIRST.rows([*others, *numbers])]
        assert sorted(found) == numbers


def test_what_is_not_there_is_not_found(numbers: list[int]) -> None:
    with database.connection_context():
        assert _NEWEST_FIRST.rows([999_999]) == []
        assert [one.number for one in _NEWEST_FIRST.rows([999_999, numbers[0]])] == numbers[:1]
