"""Behaviour of chargers in the field: notes on sessions, unmatched ends, repeated messages, overridden units."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, TextField

COLUMNS = (
    "ALTER TABLE charger ADD COLUMN energy_unit VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE charging_session ADD COLUMN interval_wh BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE charging_session ADD COLUMN followed_up_at BIGINT",
    "ALTER TABLE meter_reading ADD COLUMN interval_wh BIGINT",
    "ALTER TABLE meter_reading ADD COLUMN signed_data TEXT NOT NULL DEFAULT ''",
)


def up(migrator, db):
    class Charger(Model):
        class Meta:
            database = db
            table_name = "charger"

    class ChargingSession(Model):
        number = IntegerField(primary_key=True)

        class Meta:
            database = db
            table_name = "charging_session"

    class SessionNote(Model):
        session = ForeignKeyField(ChargingSession, index=False)
        kind = CharField()
        at = BigIntegerField()

        class Meta:
            database = db
            table_name = "session_note"
            indexes = ((("session", "kind"), True),)

    class RememberedAnswer(Model):
        charger = ForeignKeyField(Charger, index=False)
        message_id = CharField()
        action = CharField()
        payload_hash = CharField()
        number = IntegerField(null=True)
        authorization = CharField(default="")

        class Meta:
            database = db
            table_name = "remembered_answer"
            indexes = ((("charger", "message_id", "action", "payload_hash"), True), (("charger", "id"), False))

    class UnmatchedEnd(Model):
        charger = ForeignKeyField(Charger, index=False)
        session = ForeignKeyField(ChargingSession, null=True, index=False)
        key = CharField()
        number = BigIntegerField()
        id_tag = CharField()
        ended_at = BigIntegerField()
        meter_stop_wh = BigIntegerField(null=True)
        reason = CharField()
        readings = TextField()
        received_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "orphan_end"
            indexes = ((("charger", "key"), True),)

    for statement in COLUMNS:
        db.execute_sql(statement)
    for table in (SessionNote, RememberedAnswer, UnmatchedEnd):
        table.create_table()
    db.execute_sql("CREATE INDEX unjoined_end ON orphan_end (charger_id, ended_at) WHERE session_id IS NULL")
    db.execute_sql("CREATE INDEX overdue_stop ON stop_request (session_id) WHERE state = 'overdue'")
    db.execute_sql("CREATE INDEX active_session ON charging_session (last_heard_at) WHERE state = 'active'")
