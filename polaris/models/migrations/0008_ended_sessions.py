"""The fleet's figures ask for each charger's sessions that ended since midnight, however many there ever were."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX ended_session ON charging_session (charger_id, ended_at) WHERE ended_at IS NOT NULL")
