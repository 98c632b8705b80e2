"""Instants as microseconds and back, one by one and many at once."""

from hypothesis import given
from hypothesis import strategies as st

from polaris.domain.instants import all_from_microseconds, from_microseconds, to_microseconds

UNTIL_2200 = 230 * 366 * 86_400 * 1_000_000


@given(st.lists(st.integers(-UNTIL_2200, UNTIL_2200)))
def test_instants_are_exact(column: list[int]) -> None:
    assert all_from_microseconds(column) == list(map(from_microseconds, column))
    assert list(map(to_microseconds, all_from_microseconds(column))) == column
