"""Drivers' starts that their card or account ended, and whose sessions began all the same: they are stopped."""

STATEMENT = (
    "CREATE INDEX ended_start ON command (session_id) WHERE account_id IS NOT NULL"
    " AND session_id IS NOT NULL AND status IN ('CardBlocked', 'AccountInactive')"
)


def up(migrator, db):
    db.execute_sql(STATEMENT)
