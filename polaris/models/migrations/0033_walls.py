"""Screens on which the fleet is shown without a sign-in."""

from peewee import AutoField, BigIntegerField, CharField, Model


def up(migrator, db):
    class Wall(Model):
        id = AutoField()
        name = CharField(unique=True)
        token_hash = CharField(unique=True)
        created_at = BigIntegerField()
        opened_at = BigIntegerField(null=True)
        ends_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "wall"

    Wall.create_table()
