"""A stored meter without `is_partial`, its last value: those that follow now are of the power that was reported."""

from peewee import SqliteDatabase

SQLITE = "UPDATE charging_session SET meter = json_remove(meter, '$[14]') WHERE meter <> ''"
POSTGRESQL = "UPDATE charging_session SET meter = CAST(CAST(meter AS jsonb) - 14 AS text) WHERE meter <> ''"


def up(migrator, db):
    db.execute_sql(SQLITE if isinstance(db, SqliteDatabase) else POSTGRESQL)
