"""The indexes by which the pages of sites and tariffs find their rows."""

STATEMENTS = (
    "CREATE INDEX charging_session_tariff ON charging_session (tariff_id)",
    "CREATE INDEX charger_of_site ON charger (site_id, name, id)",
    "CREATE INDEX tariff_from ON tariff (valid_from_at, id)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
