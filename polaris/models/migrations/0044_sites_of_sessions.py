"""A session always has a site. SQLite cannot forbid a null in a column that is there, so triggers do."""

from peewee import SqliteDatabase

REFUSE = (
    "WHEN NEW.site_id IS NULL BEGIN SELECT RAISE(ABORT, 'NOT NULL constraint failed: charging_session.site_id'); END"
)
SQLITE = (
    f"CREATE TRIGGER charging_session_begins_at_site BEFORE INSERT ON charging_session {REFUSE}",
    f"CREATE TRIGGER charging_session_keeps_site BEFORE UPDATE OF site_id ON charging_session {REFUSE}",
)
POSTGRESQL = ("ALTER TABLE charging_session ALTER COLUMN site_id SET NOT NULL",)


def up(migrator, db):
    for statement in SQLITE if isinstance(db, SqliteDatabase) else POSTGRESQL:
        db.execute_sql(statement)
