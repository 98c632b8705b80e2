"""The network address from which each change was asked for. Rows of before have none, and their hashes hold."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE audit_entry ADD COLUMN address VARCHAR(255) NOT NULL DEFAULT ''")
