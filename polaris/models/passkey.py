"""A passkey of an account: the public key of a credential that a browser or a security key holds (WebAuthn)."""

from peewee import AutoField, BigIntegerField, CharField, ForeignKeyField, TextField

from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField


class Passkey(BaseModel):
    id = AutoField()
    account_id: int
    account = ForeignKeyField(Account)
    credential_id = TextField(unique=True)  # base64url
    public_key = TextField()  # COSE, base64url
    sign_count = BigIntegerField()  # 0 if the credential does not count
    name = CharField(max_length=100)
    created_at = InstantField()
    last_used_at = InstantField(null=True)
    challenged_at = InstantField()  # when the newest challenge that it answered was made; no other is taken after it
