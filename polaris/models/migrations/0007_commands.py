"""Commands to chargers, and notices in parts."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, TextField

INDEXES = (
    "CREATE INDEX command_of_charger ON command (charger_id, id)",
    "CREATE INDEX command_of_session ON command (session_id) WHERE session_id IS NOT NULL",
    "CREATE INDEX open_command ON command (deadline_at) WHERE state IN ('requested', 'sent', 'promised')",
    "CREATE INDEX start_to_come ON command (charger_id) WHERE kind = 'start' AND session_id IS NULL"
    " AND state IN ('sent', 'promised', 'timed_out', 'unknown')",
    "ALTER TABLE charger_notice ADD COLUMN request VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE charger_notice ADD COLUMN part INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX {topic_index}",
    "CREATE UNIQUE INDEX charger_notice_part ON charger_notice (charger_id, topic, part)",
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

    class Command(Model):
        charger = ForeignKeyField(Charger, index=False)
        kind = CharField()
        arguments = TextField()
        state = CharField()
        requested_by = CharField()
        requested_at = BigIntegerField()
        deadline_at = BigIntegerField()
        sent_at = BigIntegerField(null=True)
        answered_at = BigIntegerField(null=True)
        status = CharField(default="")
        answer = TextField(default="")
        connection_id = CharField(null=True)
        bridge_id = CharField(null=True)
        session = ForeignKeyField(ChargingSession, null=True, index=False)

        class Meta:
            database = db
            table_name = "command"

    Command.create_table()
    topic_index = next(
        index.name for index in db.get_indexes("charger_notice") if index.columns == ["charger_id", "topic"]
    )
    for statement in INDEXES:
        db.execute_sql(statement.format(topic_index=f'"{topic_index}"'))
