"""OCPP 2.x: transaction ids from chargers, and their numbered events."""

from peewee import BigIntegerField, BooleanField, CharField, ForeignKeyField, IntegerField, Model, TextField


def up(migrator, db):
    class Charger(Model):
        class Meta:
            database = db
            table_name = "charger"

    class TransactionEvent(Model):
        charger = ForeignKeyField(Charger, index=False)
        transaction_id = CharField()
        seq_no = IntegerField(null=True)
        report = CharField()
        at = BigIntegerField()
        connector = IntegerField()
        id_tag = CharField(null=True)
        authorization = CharField(default="")
        status = CharField()
        reason = CharField()
        is_offline = BooleanField()
        payload = TextField()
        received_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "transaction_event"
            indexes = ((("charger", "transaction_id", "seq_no"), True),)

    TransactionEvent.create_table()
    db.execute_sql("ALTER TABLE charging_session ADD COLUMN transaction_id VARCHAR(255)")
    db.execute_sql("ALTER TABLE charging_session ADD COLUMN is_start_inferred BOOLEAN NOT NULL DEFAULT FALSE")
    db.execute_sql(
        "CREATE UNIQUE INDEX charging_session_transaction ON charging_session (charger_id, transaction_id)"
        " WHERE transaction_id IS NOT NULL"
    )
