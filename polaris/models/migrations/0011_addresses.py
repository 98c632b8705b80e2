"""The path that a refused charger asked for, and how often a charger was disconnected for answering no ping."""

STATEMENTS = (
    "ALTER TABLE unrecognised_charger ADD COLUMN path VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE charger ADD COLUMN unanswered_pings INTEGER NOT NULL DEFAULT 0",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
