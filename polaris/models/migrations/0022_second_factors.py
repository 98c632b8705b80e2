"""Passkeys, authenticator apps and recovery codes; when a device was last shown to be in its owner's hands."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, Model, TextField


def up(migrator, db):
    class Account(Model):
        class Meta:
            database = db
            table_name = "account"

    class Passkey(Model):
        id = AutoField()
        account = ForeignKeyField(Account)
        credential_id = TextField(unique=True)
        public_key = TextField()
        sign_count = BigIntegerField()
        name = CharField(max_length=100)
        created_at = BigIntegerField()
        last_used_at = BigIntegerField(null=True)
        challenged_at = BigIntegerField()

        class Meta:
            database = db
            table_name = "passkey"

    class AuthenticatorApp(Model):
        account = ForeignKeyField(Account, primary_key=True)
        sealed_secret = TextField()
        last_step = BigIntegerField()
        created_at = BigIntegerField()
        last_used_at = BigIntegerField(null=True)

        class Meta:
            database = db
            table_name = "authenticator_app"

    class RecoveryCode(Model):
        id = AutoField()
        account = ForeignKeyField(Account)
        code_hash = CharField()

        class Meta:
            database = db
            table_name = "recovery_code"

    db.create_tables([Passkey, AuthenticatorApp, RecoveryCode])
    # 0: devices that were signed in before are asked again before what cannot be undone.
    db.execute_sql("ALTER TABLE sign_in ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0")
