"""Forms that were sent, so that none makes its change twice."""

from peewee import BigIntegerField, BooleanField, CharField, Model


def up(migrator, db):
    class SentForm(Model):
        digest = CharField(max_length=64, primary_key=True)
        at = BigIntegerField(index=True)
        is_done = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "sent_form"

    db.create_tables([SentForm])
