"""The sessions whose figures have to be made out again."""

STATEMENTS = (
    "ALTER TABLE charging_session ADD COLUMN needs_rebuild BOOLEAN NOT NULL DEFAULT FALSE",
    "CREATE INDEX outdated_session ON charging_session (number) WHERE needs_rebuild",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
