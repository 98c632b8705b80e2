"""An account's authenticator app: the secret that its codes are made from (TOTP, RFC 6238)."""

from peewee import BigIntegerField, ForeignKeyField, TextField

from polaris.models.account import Account
from polaris.models.fields import BaseModel, InstantField


class AuthenticatorApp(BaseModel):
    account_id: int
    account = ForeignKeyField(Account, primary_key=True)
    sealed_secret = TextField()  # see administration/second_factors/sealing.py
    last_step = BigIntegerField()  # of the newest code that was used; no code of this or an earlier step is taken
    created_at = InstantField()
    last_used_at = InstantField(null=True)
