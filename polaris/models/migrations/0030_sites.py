"""A site's address."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE site ADD COLUMN address VARCHAR(255) NOT NULL DEFAULT ''")
