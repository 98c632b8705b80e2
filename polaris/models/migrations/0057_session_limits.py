"""Limits at which sessions are stopped by themselves. A limit is the cause of one request to stop at most."""

from peewee import AutoField, BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, Model

STATEMENTS = (
    # At most one of a session can still be reached.
    "CREATE UNIQUE INDEX open_limit ON session_limit (session_id) WHERE reached_at IS NULL",
    "CREATE INDEX limit_to_look_at ON session_limit (look_at) WHERE look_at IS NOT NULL",
    "ALTER TABLE charging_session ADD COLUMN limit_id INTEGER",
    "ALTER TABLE stop_request ADD COLUMN limit_id INTEGER REFERENCES session_limit (id)",
    "CREATE UNIQUE INDEX stop_at_limit ON stop_request (limit_id) WHERE limit_id IS NOT NULL",
    "CREATE INDEX stop_at_limit_to_send ON stop_request (id) WHERE limit_id IS NOT NULL AND state = 'requested'",
    "ALTER TABLE ev_card ADD COLUMN limit_kind VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE ev_card ADD COLUMN limit_value BIGINT NOT NULL DEFAULT 0",
)


def up(migrator, db):
    class ChargingSession(Model):
        number = AutoField()

        class Meta:
            database = db
            table_name = "charging_session"

    class SessionLimit(Model):
        session = ForeignKeyField(ChargingSession)
        kind = CharField()
        value = BigIntegerField()
        set_at = BigIntegerField()
        look_at = BigIntegerField(null=True)
        asked_at = BigIntegerField(null=True)
        asks = IntegerField(default=0)
        is_told = BooleanField(default=False)
        reached_at = BigIntegerField(null=True)
        was_offline = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "session_limit"

    SessionLimit.create_table()
    for statement in STATEMENTS:
        db.execute_sql(statement)
