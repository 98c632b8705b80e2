"""A meter with the energy that the reported power comes to: active sessions are made out again by the bridge."""

STATEMENTS = (
    "UPDATE charging_session SET meter = ''",
    "UPDATE charging_session SET needs_rebuild = TRUE WHERE state = 'active'",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
