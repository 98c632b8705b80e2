"""The list costs little however much is stored: each query has an index."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import pytest

from polaris import attention, models
from tests.support.cast import now

pytestmark = pytest.mark.both_databases

# Read whole: tables of about a thousand rows, and partial indexes, of which each row may be listed.
BOUNDED = ("acknowledgement", "site", "unknown_card", "unrecognised_charger")
PARTIAL = (
    "charging_card",
    "charging_owner",
    "active_session",
    "overdue_stop",
    "faulted_connector",
    "wrong_clock",
    "unknown_energy",
    "unsent_mail",
    "unsent_push",
)
ALIAS = re.compile(r'"(\w+)" AS "(t\d+)"')


def test_no_table_is_scanned(app: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="peewee"):
        attention.read(now(), ())
    executed = [record.msg for record in caplog.records if isinstance(record.msg, tuple)]
    selects = [(sql, values) for sql, values in executed if sql.startswith("SELECT")]
    assert len(selects) > 8
    scans = [(sql, step) for sql, values in selects for step in plan(sql, values) if is_scan(sql, step)]
    assert scans == []


def plan(sql: str, values: Sequence[object]) -> list[str]:
    with models.database.connection_context():
        if not models.database.obj.for_update:
            return [row[3] for row in models.database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
        with models.database.atomic():  # a small table is scanned unless that is forbidden
            models.database.execute_sql("SET LOCAL enable_seqscan = off")
            return [row[0].strip() for row in models.database.execute_sql(f"EXPLAIN {sql}", values)]


def is_scan(sql: str, step: str) -> bool:
    """Whether a step reads a whole table, or a whole index that is as long."""
    tables = {alias: table for table, alias in ALIAS.findall(sql)}
    names = [tables.get(word, word) for word in step.split()]
    return ("Seq Scan" in step or step.startswith("SCAN")) and not {*BOUNDED, *PARTIAL}.intersection(names)
