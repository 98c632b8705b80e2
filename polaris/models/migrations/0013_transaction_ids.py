"""When a session seemed to be over, the OCPP 2.x ids that were used again, and an index for refused sessions."""

STATEMENTS = (
    "ALTER TABLE charging_session ADD COLUMN doubted_at BIGINT",
    "ALTER TABLE charging_session ADD COLUMN former_transaction_id VARCHAR(255)",
    "CREATE INDEX former_transaction ON charging_session (charger_id, former_transaction_id)"
    " WHERE former_transaction_id IS NOT NULL",
    "CREATE INDEX refused_session ON charging_session (start_received_at)"
    " WHERE state = 'active' AND \"authorization\" <> 'Accepted'",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
