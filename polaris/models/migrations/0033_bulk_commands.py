"""Commands to many chargers."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, TextField

INDEXES = (
    "CREATE INDEX bulk_item_state ON bulk_item (bulk_id, state, id)",
    "CREATE UNIQUE INDEX bulk_item_charger ON bulk_item (bulk_id, charger_id)",
    "CREATE INDEX bulk_item_command ON bulk_item (command_id) WHERE command_id IS NOT NULL",
    "CREATE INDEX running_bulk ON bulk_command (id) WHERE state = 'running'",
)


def up(migrator, db):
    class Charger(Model):
        class Meta:
            database = db
            table_name = "charger"

    class BulkCommand(Model):
        id = AutoField()
        kind = CharField()
        arguments = TextField()
        fleet_filter = TextField()
        state = CharField()
        total = IntegerField()
        requested_by = CharField()
        requested_at = BigIntegerField(index=True)
        next_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "bulk_command"

    class BulkItem(Model):
        id = AutoField()
        bulk = ForeignKeyField(BulkCommand, index=False)
        charger = ForeignKeyField(Charger, index=False)
        state = CharField()
        reason = TextField(default="")
        agreed_sessions = TextField(default="[]")
        command_id = IntegerField(null=True)
        requested_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "bulk_item"

    db.create_tables([BulkCommand, BulkItem])
    for statement in INDEXES:
        db.execute_sql(statement)
