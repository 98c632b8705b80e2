"""Owns how a test sees the plans of the statements that its code runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from polaris import models

Statement = tuple[str, Any]
BOUNDED = (
    'FROM "acknowledgement"',  # a thousand rows at most, which the count in the sidebar reads
    'FROM "site" AS "t1" ORDER BY "t1"."id"',  # about a thousand rows, whose time zones the same count looks at
    'FROM "audit_entry" AS "t1" ORDER BY "t1"."id" DESC LIMIT',  # the end of the log, by its key
)


class Statements(logging.Handler):
    """Collects what peewee executes."""

    def __init__(self) -> None:
        super().__init__()
        self.executed: list[Statement] = []

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, tuple):
            self.executed.append(record.msg)


@contextmanager
def executed() -> Iterator[list[Statement]]:
    """Collect the statements that are executed in a block."""
    handler, logger = Statements(), logging.getLogger("peewee")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler.executed
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@models.blocking
def full_scans(statements: list[Statement]) -> list[str]:
    """Return those of the queries that read a whole table. PostgreSQL reads small ones so unless it must not."""
    found = []
    with models.database.atomic():
        if models.database.obj.for_update:
            models.database.execute_sql("SET LOCAL enable_seqscan = off")
            models.database.execute_sql("ANALYZE")
        for sql, values in statements:
            is_bounded = any(part in sql for part in BOUNDED)
            if sql.startswith("SELECT") and not is_bounded and _has_scan(sql, values):
                found.append(sql)
    return found


def _has_scan(sql: str, values: Any) -> bool:
    if not models.database.obj.for_update:
        steps = [row[3] for row in models.database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
        is_first = "LIMIT" in sql and "WHERE" not in sql  # of an index, and nothing is passed over
        is_inner = "LIMIT ?)" in sql  # the same of the candidates, which are a subquery
        return any(
            _is_scan(step, is_bounded=is_first or (is_inner and steps[place - 1].startswith("LIST SUBQUERY")))
            for place, step in enumerate(steps)
        )
    (plan,) = models.database.execute_sql(f"EXPLAIN (FORMAT JSON) {sql}", values).fetchone()
    return '"Seq Scan"' in json.dumps(plan)


def _is_scan(step: str, *, is_bounded: bool) -> bool:
    """Whether a step of SQLite's reads a table to its end.

    One that follows an index stops at the statement's limit; a partial index has the rows that are wanted alone.
    """
    if not step.startswith("SCAN") or step.startswith(("SCAN _wrapped", "SCAN (subquery", "SCAN CONSTANT ROW")):
        return False
    index = step.partition("INDEX ")[2]
    return not index or not (is_bounded or _is_partial(index))


def _is_partial(index: str) -> bool:
    found = models.database.execute_sql("SELECT sql FROM sqlite_master WHERE name = ?", [index]).fetchone()
    return found is not None and " WHERE " in (found[0] or "")
