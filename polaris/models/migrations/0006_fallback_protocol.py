"""Which OCPP version a charger is spoken to with that offers none by itself."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE charger ADD COLUMN fallback_protocol VARCHAR(255) NOT NULL DEFAULT ''")
