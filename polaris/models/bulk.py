"""Bulk INSERT and UPDATE for the hot paths: executed many times on SQLite, once over a JSON array on PostgreSQL.

As with peewee's `insert_many`, a row is a mapping of column names to Python values; columns and types are the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from peewee import AutoField, Model, __exception_wrapper__  # type: ignore[attr-defined]
from playhouse.cysqlite_ext import CySqliteDatabase

from polaris.domain.instants import to_microseconds
from polaris.models.connection import database
from polaris.models.fields import InstantField

_POSTGRESQL_TYPES = {
    "AUTO": "integer",
    "INT": "integer",
    "BIGINT": "bigint",
    "VARCHAR": "text",
    "TEXT": "text",
    "BOOL": "boolean",
    "DATE": "date",
}


class Bulk:
    """One statement for many rows. `{values}` is a row of parameters on SQLite, a recordset of JSON on PostgreSQL.

    psycopg takes ten times as long to write arrays of parameters as msgspec to write the same rows as JSON.
    """

    def __init__(self, model: type[Model], columns: Sequence[str], *, sqlite: str, postgresql: str) -> None:
        fields = [model._meta.columns[column] for column in columns]
        self._row = msgspec.defstruct("Row", columns, gc=False)  # as JSON, faster made than a mapping
        typed = ", ".join(f'"{field.column_name}" {_POSTGRESQL_TYPES[field.field_type]}' for field in fields)
        self._values = itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],)
        self._instants = [index for index, field in enumerate(fields) if isinstance(field, InstantField)]
        self._sqlite = sqlite.format(values=", ".join("?" * len(columns)))
        self._postgresql = postgresql.format(values=f"json_to_recordset(%s::json) AS v({typed})")

    @classmethod
    def insert(cls, model: type[Model], *, on_conflict: str = "") -> Bulk:
        """Insert rows with every column but the generated id."""
        columns = [field.column_name for field in model._meta.sorted_fields if not isinstance(field, AutoField)]
        names = ", ".join(f'"{column}"' for column in columns)  # AUTHORIZATION is a keyword in PostgreSQL
        insert = f"INSERT INTO {model._meta.table_name} ({names})"
        return cls(
            model,
            columns,
            sqlite=f"{insert} VALUES ({{values}}) {on_conflict}",
            postgresql=f"{insert} SELECT * FROM {{values}} {on_conflict}",  # noqa: S608 - names of ours
        )

    @classmethod
    def update(cls, model: type[Model], *columns: str, also: str = "") -> Bulk:
        """Set these columns in the rows named by the model's primary key; `also` is SQL that is set in every row."""
        table, key = model._meta.table_name, model._meta.primary_key.column_name  # type: ignore[union-attr]
        always = [also] if also else []
        sqlite = ", ".join(always + [f'"{column}" = ?' for column in columns])
        postgresql = ", ".join(always + [f'"{column}" = v."{column}"' for column in columns])
        return cls(
            model,
            (*columns, key),
            sqlite=f"UPDATE {table} SET {sqlite} WHERE {key} = ?",  # noqa: S608 - names of ours
            postgresql=f"UPDATE {table} SET {postgresql} FROM {{values}} WHERE {table}.{key} = v.{key}",  # noqa: S608
        )

    def execute(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute the statement for every row, in the caller's transaction."""
        parameters = self._parameters(rows)
        if not parameters:
            return
        with __exception_wrapper__:
            cursor = database.obj.cursor()
            if isinstance(database.obj, CySqliteDatabase):
                cursor.executemany(self._sqlite, parameters)
            else:
                rows_ = [self._row(*values) for values in parameters]
                cursor.execute(self._postgresql, [msgspec.json.encode(rows_).decode()])

    def _parameters(self, rows: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
        """Return each row's values in the order of the columns, instants as they are stored."""
        parameters = list(map(list, map(self._values, rows)))
        for values in parameters:
            for index in self._instants:
                if values[index] is not None:
                    values[index] = to_microseconds(values[index])
        return parameters
