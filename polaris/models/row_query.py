"""SELECTs written as SQL, for the hot paths: peewee takes longer to build a query than the database to run it."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar, cast

from peewee import BooleanField, Field, Model, __exception_wrapper__  # type: ignore[attr-defined]
from playhouse.cysqlite_ext import CySqliteDatabase

from polaris.models.connection import database
from polaris.models.fields import ExactField, InstantField

MAX_KEYS = 500  # in one statement; SQLite and PostgreSQL refuse tens of thousands of parameters
_CONVERTED = (BooleanField, ExactField, InstantField)  # others are stored as they are read

Row = TypeVar("Row")
Instance = TypeVar("Instance", bound=Model)


class RowQuery(Generic[Row]):
    """A SELECT by a list of keys, whose rows are of the named tuple `row`. A key is a value, or a tuple of values.

    The tuple's fields are the columns: `model`'s of the same name or, named in `columns`, another model's field or an
    SQL expression. Fields are converted as peewee does; an expression's value stays as the database stores it.
    `sql` holds `{columns}`, `IN ({marks})` for the keys (`IN (VALUES {marks})` if they are tuples), and `{param}` for
    every parameter before them.
    """

    def __init__(self, row: type[Row], model: type[Model], sql: str, **columns: Field | str) -> None:
        sources = [columns[name] if name in columns else getattr(model, name) for name in cast(Any, row)._fields]
        self._make: Callable[[Iterable[Any]], Row] = cast(Any, row)._make
        self._sql = sql.replace("{columns}", ", ".join(map(_expression, sources)))
        self._converters = [
            (index, source.python_value) for index, source in enumerate(sources) if isinstance(source, _CONVERTED)
        ]

    def rows(self, keys: Sequence[object] | None, *parameters: object, is_locking: bool = False) -> list[Row]:
        """Return the rows with one of the keys, or all rows if `keys` is None. The caller has a connection."""
        lock = " FOR UPDATE" if is_locking and database.obj.for_update else ""
        if keys is None:
            return self._rows(self._sql.replace("IN ({marks})", "IS NOT NULL") + lock, parameters)
        if keys and isinstance(keys[0], int) and not isinstance(database.obj, CySqliteDatabase):
            # As one parameter, since psycopg prepares no statement with a hundred, and takes apart its text each time.
            sql = self._sql.replace("IN ({marks})", "= ANY({param}::bigint[])")
            return self._rows(sql + lock, (*parameters, f"{{{','.join(map(str, keys))}}}"))
        rows: list[Row] = []
        for start in range(0, len(keys), MAX_KEYS):
            some = keys[start : start + MAX_KEYS]
            mark, values = database.param, some
            if isinstance(some[0], tuple):
                mark, values = f"({', '.join([mark] * len(some[0]))})", list(chain.from_iterable(cast(Any, some)))
            marks = ", ".join([mark] * len(some))
            rows += self._rows(self._sql.replace("{marks}", marks) + lock, (*parameters, *values))
        return rows

    def first(self, key: object, *parameters: object, is_locking: bool = False) -> Row | None:
        """Return the first row with this key, or None."""
        return next(iter(self.rows([key], *parameters, is_locking=is_locking)), None)

    def _rows(self, sql: str, parameters: Sequence[object]) -> list[Row]:
        with __exception_wrapper__:
            stored = database.execute_sql(sql.replace("{param}", database.param), parameters).fetchall()
        if self._converters and stored:
            columns = list(zip(*stored, strict=True))
            for index, convert in self._converters:
                columns[index] = tuple(map(convert, columns[index]))
            stored = zip(*columns, strict=True)
        return list(map(self._make, stored))


class ModelQuery(RowQuery[Instance]):
    """A `RowQuery` of all columns, whose rows are instances of the model, as peewee makes them."""

    def __init__(self, model: type[Instance], sql: str) -> None:
        names = [field.name for field in model._meta.sorted_fields]
        super().__init__(cast(type[Instance], namedtuple("Row", names)), model, sql)

        def instance(values: Iterable[Any]) -> Instance:
            row = model(__no_default__=True)
            row.__data__ = dict(zip(names, values, strict=True))
            return row

        self._make = instance


def _expression(source: Field | str) -> str:
    return source if isinstance(source, str) else f'"{source.model._meta.table_name}"."{source.column_name}"'
