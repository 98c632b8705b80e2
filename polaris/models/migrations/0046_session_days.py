"""Sessions by days. Those that have ended are added up by the bridge, the newest first (`ingest/days.py`)."""

from peewee import AutoField, BigIntegerField, CharField, DateField, ForeignKeyField, Model

STATEMENTS = (
    "ALTER TABLE charging_session ADD COLUMN has_days BOOLEAN NOT NULL DEFAULT FALSE",
    "CREATE INDEX session_without_days ON charging_session (number) WHERE NOT has_days AND state <> 'active'",
    "CREATE INDEX own_session_without_days ON charging_session (account_id, number) WHERE NOT has_days",
)


def up(migrator, db):
    class Account(Model):
        class Meta:
            database = db
            table_name = "account"

    class ChargingSession(Model):
        number = AutoField()

        class Meta:
            database = db
            table_name = "charging_session"

    class SessionDay(Model):
        id = AutoField()
        session = ForeignKeyField(ChargingSession, index=False, on_delete="CASCADE")
        account = ForeignKeyField(Account, index=False)
        day = DateField()
        energy_wh = BigIntegerField(null=True)
        currency = CharField(max_length=3)
        amount = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "session_day"
            indexes = ((("session", "day"), True), (("account", "day"), False))

    db.create_tables([SessionDay])
    for statement in STATEMENTS:
        db.execute_sql(statement)
