"""Millions of rows in minutes: copies of one row, made inside of the database, with some columns computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peewee import Model

from polaris.models import database

CHUNK = 250_000  # rows in a transaction: without it, SQLite's log would grow as large as the table


def fill(row: Model, count: int, **expressions: str) -> None:
    """Add copies of a stored row. An expression is SQL over `i`, which counts from 1. The caller has a connection."""
    meta: Any = row._meta
    names = [field.column_name for field in meta.sorted_fields if not field.primary_key]
    values = ", ".join(expressions.get(name, f't."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    for first in range(1, count + 1, CHUNK):
        last = min(first + CHUNK - 1, count)
        statement = (
            f"WITH RECURSIVE n(i) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
            f' INSERT INTO "{meta.table_name}" ({columns}) SELECT {values} FROM n CROSS JOIN "{meta.table_name}" AS t'
            f' WHERE t."{meta.primary_key.column_name}" = {row.get_id()}'
        )
        database.execute_sql(statement.replace("%", "%%") if database.obj.for_update else statement)


@contextmanager
def without_indexes(model: type[Model]) -> Iterator[None]:
    """Drop a table's indexes for the time of a block: to make them afterwards takes a fraction of the time."""
    table = model._meta.table_name
    if database.obj.for_update:
        listed = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT LIKE '%%_pkey'"
    else:
        listed = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
    indexes = database.execute_sql(listed, [table]).fetchall()
    for name, _ in indexes:
        database.execute_sql(f'DROP INDEX "{name}"')
    yield
    for _, statement in indexes:
        database.execute_sql(statement)
    database.execute_sql("ANALYZE" if database.obj.for_update else "SELECT 1")
