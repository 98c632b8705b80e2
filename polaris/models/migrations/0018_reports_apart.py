"""Reports of one topic are kept beside each other, by the request that they answer."""

STATEMENTS = (
    "DROP INDEX charger_notice_part",
    "CREATE UNIQUE INDEX charger_notice_part ON charger_notice (charger_id, topic, request, part)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(statement)
