"""The site at which a session began: its charger may be moved later. Prices say which it was, if there were any."""

STATEMENTS = (
    "ALTER TABLE charging_session ADD COLUMN site_id INTEGER REFERENCES site (id)",
    "UPDATE charging_session SET site_id = COALESCE("
    "(SELECT site_id FROM tariff WHERE tariff.id = charging_session.tariff_id),"
    " (SELECT site_id FROM charger WHERE charger.id = charging_session.charger_id))",
    "CREATE INDEX charging_session_site ON charging_session (site_id, started_at, number)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
