"""A query whose SQL is made once. peewee takes several times as long to make it as the database to run it, and what
pages are pushed from is read a thousand times a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from peewee import __exception_wrapper__

from polaris.models.database import database

SIZES = (1, 5, 25)  # of a list of keys; a shorter one says its last key more than once, a longer one is taken apart
_PLACE = -2_147_483_000  # stands in a query for its first key, the next number for the next one


class Prepared:
    """`make` is given what stands for the keys, whole numbers, and returns the query. In callers with a connection."""

    def __init__(self, make: Callable[[Sequence[int]], Any]) -> None:
        self._make = make
        self._made: dict[int, tuple[Any, Any, str, list[object]]] = {}  # by the number of keys; for which database

    def rows(self, keys: Sequence[int]) -> list[Any]:
        """What the query itself makes of what it finds."""
        # A wrapper of the query's own, as `execute` has it, which would make the SQL anew.
        return [row for query, cursor in self._run(keys) for row in query._get_cursor_wrapper(cursor)]

    def raw(self, keys: Sequence[int]) -> list[Any]:
        """As tuples of what the database stores: for many rows, whose values peewee converts one by one."""
        with __exception_wrapper__:
            return [row for _, cursor in self._run(keys) for row in cursor.fetchall()]

    def _run(self, keys: Sequence[int]) -> Iterator[tuple[Any, Any]]:
        most = SIZES[-1]
        for start in range(0, len(keys), most):
            some = keys[start : start + most]
            size = next(size for size in SIZES if size >= len(some))
            some = [*some, *[some[-1]] * (size - len(some))]
            query, sql, parameters = self._sql(size)
            yield query, database.execute_sql(sql, [_filled(parameter, some) for parameter in parameters])

    def _sql(self, size: int) -> tuple[Any, str, list[object]]:
        made = self._made.get(size)
        if made is None or made[0] is not database.obj:
            query = self._make(range(_PLACE, _PLACE + size))
            made = self._made[size] = (database.obj, query, *query.sql())
        return made[1:]


def _filled(parameter: object, keys: Sequence[int]) -> object:
    is_place = isinstance(parameter, int) and _PLACE <= parameter < _PLACE + len(keys)
    return keys[parameter - _PLACE] if is_place else parameter  # type: ignore[operator] - it is a number
