"""Filters of the fleet under a name, which all operators share."""

from peewee import AutoField, CharField, Model, TextField


def up(migrator, db):
    class FleetFilter(Model):
        id = AutoField()
        name = CharField(unique=True)
        query = TextField()

        class Meta:
            database = db
            table_name = "fleet_filter"

    FleetFilter.create_table()
