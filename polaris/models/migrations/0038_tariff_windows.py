"""Prices by time of day and for idling, and what a session keeps to be priced by them."""

STATEMENTS = (
    "ALTER TABLE tariff ADD COLUMN idle_per_minute VARCHAR(255) NOT NULL DEFAULT '0'",
    "ALTER TABLE tariff ADD COLUMN idle_grace_s INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tariff ADD COLUMN schedule TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE charging_session ADD COLUMN border_wh TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE charging_session ADD COLUMN next_border_at BIGINT",
    "ALTER TABLE charging_session ADD COLUMN over_at BIGINT",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
