"""A stop may be asked for on the command line, for no account. SQLite cannot lift NOT NULL: the table is copied."""

from peewee import SqliteDatabase

COLUMN = '"account_id" INTEGER NOT NULL'
POSTGRESQL = ("ALTER TABLE stop_request ALTER COLUMN account_id DROP NOT NULL",)


def up(migrator, db):
    for statement in _copied(db) if isinstance(db, SqliteDatabase) else POSTGRESQL:
        db.execute_sql(statement)


def _copied(db: SqliteDatabase) -> tuple[str, ...]:
    rows = db.execute_sql("SELECT type, sql FROM sqlite_master WHERE tbl_name = 'stop_request' AND sql IS NOT NULL")
    found = rows.fetchall()
    (table,) = (sql for kind, sql in found if kind == "table")
    assert COLUMN in table, table
    bare = table.replace(COLUMN, COLUMN.removesuffix(" NOT NULL"), 1)
    return (
        bare.replace("stop_request", "stop_request_copy", 1),
        "INSERT INTO stop_request_copy SELECT * FROM stop_request",
        "DROP TABLE stop_request",
        "ALTER TABLE stop_request_copy RENAME TO stop_request",
        *(sql for kind, sql in found if kind != "table"),
    )
