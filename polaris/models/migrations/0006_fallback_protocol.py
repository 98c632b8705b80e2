"""The OCPP version for a charger that offers none."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE charger ADD COLUMN fallback_protocol VARCHAR(255) NOT NULL DEFAULT ''")
