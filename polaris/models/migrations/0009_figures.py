"""Figures that may be unknown, corrections to them, and the settings of chargers that they depend on."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model, TextField

STATEMENTS = (
    "ALTER TABLE charging_session ALTER COLUMN energy_wh DROP NOT NULL",
    "ALTER TABLE charging_session ADD COLUMN decided_wh BIGINT",
    "ALTER TABLE meter_reading ADD COLUMN is_inferred BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE meter_reading ADD COLUMN set_aside VARCHAR(255) NOT NULL DEFAULT ''",
    "ALTER TABLE charger ADD COLUMN max_power_w INTEGER",
    "ALTER TABLE charger ADD COLUMN clock_offset_s INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE charger ADD COLUMN is_pinged BOOLEAN NOT NULL DEFAULT TRUE",
    "ALTER TABLE charger ADD COLUMN meter_public_key TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE connector ADD COLUMN max_power_w INTEGER",
    "ALTER TABLE ev_card ADD COLUMN expires_at BIGINT",
)


def up(migrator, db):
    class ChargingSession(Model):
        number = IntegerField(primary_key=True)

        class Meta:
            database = db
            table_name = "charging_session"

    class EnergyCorrection(Model):
        id = AutoField()
        session = ForeignKeyField(ChargingSession)
        at = BigIntegerField()
        kind = CharField()
        before_wh = BigIntegerField(null=True)
        after_wh = BigIntegerField(null=True)
        actor = CharField()
        why = TextField()

        class Meta:
            database = db
            table_name = "energy_correction"

    for statement in STATEMENTS:
        db.execute_sql(statement)
    EnergyCorrection.create_table()
