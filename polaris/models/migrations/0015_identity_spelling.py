"""An index for identities in another spelling than the charger's own."""


def up(migrator, db):
    db.execute_sql("CREATE INDEX identity_spelling ON charger (LOWER(identity))")
