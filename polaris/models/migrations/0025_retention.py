"""Sessions that are final, accounts that were erased, and the indexes by which old rows are found."""

STATEMENTS = (
    "ALTER TABLE charging_session ADD COLUMN final_at BIGINT",
    "ALTER TABLE charging_session ADD COLUMN is_swept BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE account ADD COLUMN erased_at BIGINT",
    "CREATE INDEX unswept_session ON charging_session (ended_at, number) WHERE NOT is_swept AND ended_at IS NOT NULL",
    "CREATE INDEX stray_fact_age ON stray_fact (received_at)",
    "CREATE INDEX orphan_end_age ON orphan_end (received_at)",
    "CREATE INDEX charger_notice_age ON charger_notice (received_at)",
    "CREATE INDEX command_age ON command (requested_at)",
    "CREATE INDEX sign_in_age ON sign_in (last_seen_at)",
    "CREATE INDEX bridge_age ON bridge (lease_until_at)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
