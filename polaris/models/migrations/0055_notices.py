"""Notices to drivers: choices, devices that take pushes, notices and their pushes."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, IntegerField, Model

STATEMENTS = (
    "CREATE INDEX unsent_push ON notice_push (due_at) WHERE state <> 'sent'",
    "ALTER TABLE mail ADD COLUMN notice_id INTEGER REFERENCES notice (id) ON DELETE CASCADE",
    "CREATE UNIQUE INDEX mail_notice_id ON mail (notice_id)",
)


def up(migrator, db):
    class Base(Model):
        class Meta:
            database = db

    class Account(Base):
        class Meta:
            table_name = "account"

    class SignIn(Base):
        id = CharField(primary_key=True, max_length=43)

        class Meta:
            table_name = "sign_in"

    class ChargingSession(Base):
        number = AutoField()

        class Meta:
            table_name = "charging_session"

    class NoticeChoice(Base):
        account = ForeignKeyField(Account, index=False)
        occasion = CharField()
        channel = CharField()
        language = CharField()

        class Meta:
            table_name = "notice_choice"
            indexes = ((("account", "occasion", "channel"), True),)

    class PushSubscription(Base):
        account = ForeignKeyField(Account)
        sign_in = ForeignKeyField(SignIn, unique=True, on_delete="CASCADE")
        endpoint = CharField(unique=True, max_length=1000)
        p256dh = CharField()
        auth = CharField()
        server_key = CharField()
        created_at = BigIntegerField()

        class Meta:
            table_name = "push_subscription"

    class Notice(Base):
        account = ForeignKeyField(Account, index=False)
        session = ForeignKeyField(ChargingSession, index=False)
        occasion = CharField()
        mark = BigIntegerField()
        happened_at = BigIntegerField()
        noted_at = BigIntegerField(index=True)
        language = CharField()

        class Meta:
            table_name = "notice"
            indexes = (
                (("session", "occasion", "mark"), True),
                (("account", "noted_at"), False),
            )

    class NoticePush(Base):
        notice = ForeignKeyField(Notice, index=False, on_delete="CASCADE")
        subscription = ForeignKeyField(PushSubscription, on_delete="CASCADE")
        state = CharField()
        queued_at = BigIntegerField()
        due_at = BigIntegerField()
        attempts = IntegerField()
        answer = CharField()

        class Meta:
            table_name = "notice_push"
            indexes = ((("notice", "subscription"), True),)

    db.create_tables([NoticeChoice, PushSubscription, Notice, NoticePush])
    for statement in STATEMENTS:
        db.execute_sql(statement)
