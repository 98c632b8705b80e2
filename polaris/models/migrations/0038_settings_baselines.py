"""Settings under a name, to compare chargers with."""

from peewee import AutoField, BigIntegerField, CharField, IntegerField, Model, TextField


def up(migrator, db):
    class SettingsBaseline(Model):
        id = AutoField()
        name = CharField(unique=True)
        identity = CharField()
        saved_at = BigIntegerField()
        count = IntegerField()
        settings = TextField()

        class Meta:
            database = db
            table_name = "settings_baseline"

    SettingsBaseline.create_table()
