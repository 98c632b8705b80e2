"""The names of drivers' cards, those reported lost, and the indexes by which a driver's sessions are found."""

from peewee import BigIntegerField, CharField

STATEMENTS = (
    "CREATE INDEX charging_session_owner ON charging_session (account_id, started_at, number)",
    "CREATE INDEX charging_owner ON charging_session (account_id) WHERE state = 'active'",
    "CREATE INDEX ev_card_lost ON ev_card (lost_at) WHERE lost_at IS NOT NULL",
)


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("ev_card", "name", CharField(default="")),
        migrator.add_column("ev_card", "lost_at", BigIntegerField(null=True)),
    )
    for statement in STATEMENTS:
        db.execute_sql(statement)
