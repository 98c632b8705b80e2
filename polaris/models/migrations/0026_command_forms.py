"""Commands by forms: each form's press counts once, says whom it may interrupt, and may be a dry run first."""

STATEMENTS = (
    "ALTER TABLE command ADD COLUMN request_key VARCHAR(255)",
    "ALTER TABLE command ADD COLUMN agreed_sessions TEXT",
    "ALTER TABLE command ADD COLUMN is_dry_run BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE command ADD COLUMN protocol VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE command ADD COLUMN frame TEXT NOT NULL DEFAULT ''",
    "CREATE UNIQUE INDEX command_request ON command (charger_id, request_key) WHERE request_key IS NOT NULL",
    "DROP INDEX open_command",
    "CREATE INDEX open_command ON command (deadline_at) WHERE state IN ('drafted', 'requested', 'sent', 'promised')",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
