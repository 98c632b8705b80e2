"""The operators who make electricians' links, so that a link ends with its maker's role or status."""

STATEMENTS = (
    "ALTER TABLE commissioning ADD COLUMN link_account_id INTEGER REFERENCES account (id)",
    "CREATE INDEX commissioning_link_account_id ON commissioning (link_account_id)",
    "UPDATE commissioning SET link_account_id = account_id WHERE link_hash IS NOT NULL",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
