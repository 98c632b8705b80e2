"""The first tables. The site "Main" comes with them, so that chargers and tariffs have one to belong to."""

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

PARTIAL_INDEXES = (
    "CREATE INDEX open_session ON charging_session (charger_id, connector) WHERE state = 'active'",
    "CREATE UNIQUE INDEX one_open_stop ON stop_request (session_id) WHERE state IN ('requested', 'sent', 'accepted')",
    "CREATE INDEX open_stop_deadline ON stop_request (deadline_at) WHERE state IN ('requested', 'sent', 'accepted')",
)


def up(migrator, db):
    class Account(Model):
        email = CharField(unique=True)
        role = CharField()
        status = CharField()
        password_hash = CharField()
        created_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "account"

    class AuditEntry(Model):
        at = BigIntegerField()
        actor = CharField()
        action = CharField()
        target = CharField()
        detail = TextField(default="")

        class Meta:
            database = db
            table_name = "audit_entry"

    class Bridge(Model):
        id = CharField(primary_key=True)
        started_at = BigIntegerField()
        lease_until_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "bridge"

    class Site(Model):
        name = CharField(unique=True)
        time_zone = CharField(default="UTC")
        currency = CharField(max_length=3, default="EUR")

        class Meta:
            database = db
            table_name = "site"

    class Charger(Model):
        identity = CharField(unique=True)
        name = CharField()
        site = ForeignKeyField(Site)
        key_hash = CharField()
        key_version = IntegerField()
        protocol = CharField(default="")
        vendor = CharField(default="")
        model = CharField(default="")
        serial = CharField(default="")
        firmware = CharField(default="")
        bridge = ForeignKeyField(Bridge, null=True)
        connection_id = CharField(null=True)
        connected_at = BigIntegerField(null=True)
        booted_at = BigIntegerField(null=True)
        last_contact_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "charger"

    class ChargerNotice(Model):
        charger = ForeignKeyField(Charger)
        topic = CharField()
        payload = TextField()
        received_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "charger_notice"
            indexes = ((("charger", "topic"), True),)

    class EvCard(Model):
        account = ForeignKeyField(Account)
        id_tag = CharField(unique=True)
        status = CharField()
        created_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "ev_card"

    class Tariff(Model):
        site = ForeignKeyField(Site)
        currency = CharField(max_length=3)
        per_kwh = CharField()
        per_minute = CharField()
        per_session = CharField()
        tax_percent = CharField()
        valid_from_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "tariff"
            indexes = ((("site", "valid_from_at"), False),)

    class ChargingSession(Model):
        number = AutoField()
        charger = ForeignKeyField(Charger)
        connector = IntegerField()
        id_tag = CharField()
        card = ForeignKeyField(EvCard, null=True, index=False)
        account = ForeignKeyField(Account, null=True, index=False)
        authorization = CharField()
        tariff = ForeignKeyField(Tariff, null=True, index=False)
        start_key = CharField()
        state = CharField()
        connector_status = CharField(default="")
        started_at = BigIntegerField()
        ended_at = BigIntegerField(null=True)
        start_received_at = BigIntegerField()
        end_received_at = BigIntegerField(null=True)
        stop_reason = CharField(default="")
        meter_start_wh = BigIntegerField()
        base_wh = BigIntegerField()
        before_wh = BigIntegerField(default=0)
        earlier_base_wh = BigIntegerField(null=True)
        earlier_before_wh = BigIntegerField(null=True)
        energy_wh = BigIntegerField(default=0)
        estimated_wh = BigIntegerField(null=True)
        power_w = BigIntegerField(null=True)
        soc_percent = IntegerField(null=True)
        last_reading_at = BigIntegerField(null=True)
        last_heard_at = BigIntegerField()
        is_awaiting_end = BooleanField(default=False)
        revision = IntegerField(default=1)

        class Meta:
            database = db
            table_name = "charging_session"
            indexes = ((("charger", "start_key"), True), (("account", "number"), False))

    class Connector(Model):
        charger = ForeignKeyField(Charger)
        number = IntegerField()
        status = CharField()
        error_code = CharField(default="")
        info = CharField(default="")
        changed_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "connector"
            indexes = ((("charger", "number"), True),)

    class MeterReading(Model):
        session = ForeignKeyField(ChargingSession, index=False)
        sampled_at = BigIntegerField()
        received_at = BigIntegerField()
        context = CharField()
        register_wh = BigIntegerField(null=True)
        energy_wh = BigIntegerField(null=True)
        power_w = BigIntegerField(null=True)
        soc_percent = IntegerField(null=True)
        is_final = BooleanField(default=False)

        class Meta:
            database = db
            table_name = "meter_reading"
            indexes = ((("session", "sampled_at"), True),)

    class SignIn(Model):
        id = CharField(primary_key=True, max_length=43)
        account = ForeignKeyField(Account)
        user_agent = CharField()
        created_at = BigIntegerField()
        last_seen_at = BigIntegerField()
        revoked_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "sign_in"

    class StopRequest(Model):
        session = ForeignKeyField(ChargingSession)
        account = ForeignKeyField(Account)
        state = CharField()
        requested_at = BigIntegerField()
        deadline_at = BigIntegerField()
        decided_at = BigIntegerField()
        attempts = IntegerField(default=1)

        class Meta:
            database = db
            table_name = "stop_request"

    class UnprocessableFact(Model):
        charger = ForeignKeyField(Charger)
        name = CharField()
        number = BigIntegerField(null=True)
        reason = CharField()
        payload = TextField()
        received_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "stray_fact"
            indexes = ((("charger", "number"), False),)

    for table in (
        Account,
        AuditEntry,
        Bridge,
        Site,
        Charger,
        ChargerNotice,
        EvCard,
        Tariff,
        ChargingSession,
        Connector,
        MeterReading,
        SignIn,
        StopRequest,
        UnprocessableFact,
    ):
        table.create_table()
    for index in PARTIAL_INDEXES:
        db.execute_sql(index)
    Site.create(name="Main")
