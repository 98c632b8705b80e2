"""A charger's history: its stops, connections and clock, and since when it is the device that it is."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model

STATEMENTS = (
    "ALTER TABLE stop_request ADD COLUMN charger_id INTEGER",
    "ALTER TABLE stop_request ADD COLUMN sent_at BIGINT",
    "ALTER TABLE stop_request ADD COLUMN answered_at BIGINT",
    "ALTER TABLE stop_request ADD COLUMN freed_at BIGINT",
    "ALTER TABLE stop_request ADD COLUMN is_card_needed BOOLEAN",
    "CREATE INDEX stop_of_charger ON stop_request (charger_id, sent_at) WHERE sent_at IS NOT NULL",
    "ALTER TABLE charger ADD COLUMN connections INTEGER NOT NULL DEFAULT 0",
    # When an older release saw a firmware first is not known: it is at the latest since the charger's last boot.
    "INSERT INTO charger_firmware (charger_id, since_at, vendor, model, serial, firmware)"
    " SELECT id, COALESCE(booted_at, connected_at), vendor, model, serial, firmware FROM charger"
    " WHERE COALESCE(booted_at, connected_at) IS NOT NULL",
)


def up(migrator, db):
    class Charger(Model):
        class Meta:
            database = db
            table_name = "charger"

    class ChargerConnection(Model):
        charger = ForeignKeyField(Charger, index=False)
        slot = IntegerField()
        connected_at = BigIntegerField()
        ended_at = BigIntegerField(index=True)
        ended_by = CharField()

        class Meta:
            database = db
            table_name = "charger_connection"
            indexes = ((("charger", "slot"), True),)

    class ChargerFirmware(Model):
        charger = ForeignKeyField(Charger, index=False)
        since_at = BigIntegerField()
        vendor = CharField()
        model = CharField()
        serial = CharField()
        firmware = CharField()

        class Meta:
            database = db
            table_name = "charger_firmware"
            indexes = ((("charger", "since_at"), True),)

    class ClockSample(Model):
        charger = ForeignKeyField(Charger, index=False)
        day = IntegerField()
        at = BigIntegerField(index=True)
        ahead_ms = BigIntegerField()
        lowest_ms = BigIntegerField()
        highest_ms = BigIntegerField()

        class Meta:
            database = db
            table_name = "clock_sample"
            indexes = ((("charger", "day"), True),)

    for table in (ChargerConnection, ChargerFirmware, ClockSample):
        table.create_table()
    for statement in STATEMENTS:
        db.execute_sql(statement)
