"""Mails that go out."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model


def up(migrator, db):
    class Invitation(Model):
        class Meta:
            database = db
            table_name = "invitation"

    class Mail(Model):
        id = AutoField()
        invitation = ForeignKeyField(Invitation, unique=True, on_delete="CASCADE")
        recipient = CharField()
        nonce = CharField()
        state = CharField()
        queued_at = BigIntegerField()
        due_at = BigIntegerField()
        attempts = IntegerField()
        sent_at = BigIntegerField(null=True)
        answer = CharField()

        class Meta:
            database = db
            table_name = "mail"

    db.create_tables([Mail])
    db.execute_sql("CREATE INDEX unsent_mail ON mail (due_at) WHERE state <> 'sent'")
