"""An index for the sessions that ended since midnight, for the fleet's figures."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX ended_session ON charging_session (charger_id, ended_at) WHERE ended_at IS NOT NULL")
