"""Refused handshakes, for an operator to accept."""

from peewee import BigIntegerField, CharField, IntegerField, Model


def up(migrator, db):
    class UnrecognisedCharger(Model):
        identity = CharField()
        address = CharField()
        offered = CharField(default="")
        key_hash = CharField(default="")
        key_version = IntegerField(default=0)
        times = IntegerField()
        first_at = BigIntegerField()
        last_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "unrecognised_charger"
            indexes = ((("identity", "address"), True), (("address",), False))

    UnrecognisedCharger.create_table()
