"""A charger's security profile, and the next key of a rotation. Existing chargers have profile 1."""

from peewee import CharField, IntegerField


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("charger", "security_profile", IntegerField(default=1)),
        migrator.add_column("charger", "next_key_hash", CharField(null=True)),
        migrator.add_column("charger", "next_key_version", IntegerField(null=True)),
    )
