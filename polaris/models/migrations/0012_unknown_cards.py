"""Cards that nobody has, for an operator to add, and the types of those that somebody has."""

from peewee import BigIntegerField, CharField, ForeignKeyField, IntegerField, Model


def up(migrator, db):
    class Charger(Model):
        class Meta:
            database = db
            table_name = "charger"

    class UnknownCard(Model):
        id_tag = CharField(unique=True)
        token_type = CharField()
        charger = ForeignKeyField(Charger, index=False)
        times = IntegerField()
        last_at = BigIntegerField(index=True)

        class Meta:
            database = db
            table_name = "unknown_card"

    UnknownCard.create_table()
    db.execute_sql("ALTER TABLE ev_card ADD COLUMN token_type VARCHAR(255) NOT NULL DEFAULT ''")
