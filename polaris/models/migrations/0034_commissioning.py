"""Runs of checks of new chargers."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, Model, TextField


def up(migrator, db):
    class Charger(Model):
        class Meta:
            database = db
            table_name = "charger"

    class Account(Model):
        class Meta:
            database = db
            table_name = "account"

    class Commissioning(Model):
        id = AutoField()
        charger = ForeignKeyField(Charger)
        account = ForeignKeyField(Account, null=True)
        began_at = BigIntegerField()
        began_by = CharField()
        ended_at = BigIntegerField(null=True)
        skipped = TextField(default="{}")
        outcome = CharField(default="")
        report = TextField(default="")
        firmware = CharField(default="")
        protocol = CharField(default="")
        link_hash = CharField(null=True, unique=True)
        link_ends_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "commissioning"

    db.create_tables([Commissioning])
    db.execute_sql("CREATE UNIQUE INDEX commissioning_open ON commissioning (charger_id) WHERE ended_at IS NULL")
