"""A session's meter as one value, and several readings of one instant.

An active session is rebuilt when it is next metered.
"""

STATEMENTS = (
    "ALTER TABLE charging_session ADD COLUMN meter TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE charging_session DROP COLUMN base_wh",
    "ALTER TABLE charging_session DROP COLUMN before_wh",
    "ALTER TABLE charging_session DROP COLUMN earlier_base_wh",
    "ALTER TABLE charging_session DROP COLUMN earlier_before_wh",
    "ALTER TABLE charging_session DROP COLUMN interval_wh",
    "ALTER TABLE meter_reading ADD COLUMN digest BIGINT NOT NULL DEFAULT 0",
    "DROP INDEX meterreading_session_id_sampled_at",
    "CREATE UNIQUE INDEX meter_reading_once ON meter_reading (session_id, sampled_at, digest)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
