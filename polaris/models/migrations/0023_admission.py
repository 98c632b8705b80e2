"""Chargers that are blocked or retired, or have to be admitted anew, and a bound of their connectors."""

STATEMENTS = (
    "ALTER TABLE charger ADD COLUMN status VARCHAR(255) NOT NULL DEFAULT 'active'",
    "ALTER TABLE charger ADD COLUMN admission INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE charger ADD COLUMN max_connectors INTEGER",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
