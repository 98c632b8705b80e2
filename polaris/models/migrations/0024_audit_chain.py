"""The audit log as a chain: each row holds the hash of the row before it. The rows that are there are chained."""

import hashlib
import json
import secrets
from typing import Any

from peewee import AutoField, BigIntegerField, CharField, Model, TextField

STATEMENTS = (
    "ALTER TABLE audit_entry ADD COLUMN salts TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE audit_entry ADD COLUMN erased TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE audit_entry ADD COLUMN previous_hash VARCHAR(64) NOT NULL DEFAULT ''",
    "ALTER TABLE audit_entry ADD COLUMN hash VARCHAR(64) NOT NULL DEFAULT ''",
)
MAX_ROWS = 1000  # in memory at a time


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chain(entries: list[Any], previous_hash: str) -> str:
    """Set the columns of rows that follow one another; return the last hash."""
    for entry in entries:
        salts = {field: secrets.token_hex(16) for field in ("actor", "target", "detail")}
        seals = [sha256(f"{salt}|{getattr(entry, field)}") for field, salt in salts.items()]
        entry.salts, entry.previous_hash = json.dumps(salts), previous_hash
        canonical = json.dumps([previous_hash, entry.at, entry.action, *seals], separators=(",", ":"))
        entry.hash = previous_hash = sha256(canonical)
    return previous_hash


def up(migrator, db):
    class AuditEntry(Model):
        id = AutoField()
        at = BigIntegerField()
        actor = CharField()
        action = CharField()
        target = CharField()
        detail = TextField()
        salts = TextField()
        previous_hash = CharField()
        hash = CharField()

        class Meta:
            database = db
            table_name = "audit_entry"

    for statement in STATEMENTS:
        db.execute_sql(statement)
    columns = [AuditEntry.salts, AuditEntry.previous_hash, AuditEntry.hash]
    after, previous_hash = 0, ""
    while entries := list(AuditEntry.select().where(AuditEntry.id > after).order_by(AuditEntry.id).limit(MAX_ROWS)):
        previous_hash = chain(entries, previous_hash)
        AuditEntry.bulk_update(entries, columns, batch_size=100)  # type: ignore[no-untyped-call]
        after = entries[-1].id
    db.execute_sql("CREATE UNIQUE INDEX audit_entry_previous_hash ON audit_entry (previous_hash)")
