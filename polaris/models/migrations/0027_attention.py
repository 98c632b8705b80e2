"""Acknowledgements by operators, and the indexes by which matters that need a person are found."""

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField

INDEXES = (
    "CREATE INDEX unknown_energy ON charging_session (number) WHERE energy_wh IS NULL AND decided_wh IS NULL",
    "CREATE INDEX faulted_connector ON connector (changed_at)"
    " WHERE status = 'Faulted' OR error_code NOT IN ('', 'NoError')",
    "CREATE INDEX wrong_clock ON charger (id) WHERE clock_offset_s <> 0",
    "CREATE INDEX stop_request_age ON stop_request (requested_at)",
    "CREATE INDEX charger_notice_topic ON charger_notice (topic, received_at)",
)


def up(migrator, db):
    class Acknowledgement(Model):
        id = AutoField()
        key = TextField(unique=True)
        level = IntegerField()
        state = CharField()
        actor = CharField()
        note = CharField()
        at = BigIntegerField()
        until_at = BigIntegerField(null=True)
        seen_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "acknowledgement"

    Acknowledgement.create_table()
    for index in INDEXES:
        db.execute_sql(index)
