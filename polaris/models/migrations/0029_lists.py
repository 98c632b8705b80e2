"""The indexes by which operators' lists find the newest rows: of the audit log, and of the sessions."""

STATEMENTS = (
    "CREATE INDEX audit_entry_at ON audit_entry (at, id)",
    "CREATE INDEX audit_entry_actor ON audit_entry (actor, at, id)",
    "CREATE INDEX audit_entry_action ON audit_entry (action, at, id)",
    "CREATE INDEX audit_entry_target ON audit_entry (target, at, id)",
    "CREATE INDEX charging_session_started ON charging_session (started_at, number)",
    "CREATE INDEX charging_session_over ON charging_session (started_at, number, state) WHERE state <> 'active'",
    "CREATE INDEX charging_session_card ON charging_session (id_tag)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
