"""The forms that made dry runs for many chargers, so that none makes two."""

STATEMENTS = (
    "ALTER TABLE bulk_command ADD COLUMN form VARCHAR(64)",
    "CREATE UNIQUE INDEX bulk_command_form ON bulk_command (form)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
