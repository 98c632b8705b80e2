"""A start that a driver asks for names the account and the connector. One is under way for each of them at a time."""

OPEN = "state IN ('requested', 'sent', 'promised')"
STATEMENTS = (
    "ALTER TABLE command ADD COLUMN account_id INTEGER REFERENCES account (id)",
    "ALTER TABLE command ADD COLUMN connector INTEGER",
    f"CREATE UNIQUE INDEX open_start_at ON command (charger_id, connector) WHERE account_id IS NOT NULL AND {OPEN}",
    f"CREATE UNIQUE INDEX open_start_of ON command (account_id) WHERE account_id IS NOT NULL AND {OPEN}",
    "CREATE INDEX start_of_account ON command (account_id, charger_id, connector, id) WHERE account_id IS NOT NULL",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
