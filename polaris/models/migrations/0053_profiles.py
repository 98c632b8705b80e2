"""Names, languages and colours that people choose for their own pages."""

STATEMENTS = (
    "ALTER TABLE account ADD COLUMN name VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE account ADD COLUMN language VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE account ADD COLUMN theme VARCHAR(255) NOT NULL DEFAULT ''",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
