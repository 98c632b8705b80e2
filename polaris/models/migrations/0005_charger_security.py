"""A charger's security profile, and the key that a rotation gives it. Chargers of before have profile 1."""

from peewee import CharField, IntegerField


def up(migrator, db):
    migrator.migrate(
        migrator.add_column("charger", "security_profile", IntegerField(default=1)),
        migrator.add_column("charger", "next_key_hash", CharField(null=True)),
        migrator.add_column("charger", "next_key_version", IntegerField(null=True)),
    )
